"""The entropy block's registers."""

from amaranth.lib import enum

from ..bus import csr
from .cutoffs import LAG_WINDOW, LAGS, PROPORTION_WINDOW, RING_WINDOW

__all__ = ["FailureCauses", "Operate", "Operation", "Outcome", "RawLevel", "Status", "cutoff_register"]

_CUTOFF_TEXTS = {
    "repetition": "Equal bits in a row that are a failure.",
    "proportion": f"Bits of one value in a window of {PROPORTION_WINDOW} that are a failure.",
    "lag": f"Bits of a window of {LAG_WINDOW} that equal the one a lag of 1 to {LAGS} before that "
    "are a failure.",
    "silence": "Samples in a row without a change of any ring that are a failure.",
    "lost": "Rings that stand still, or go together with another, that are a failure; in a window of "
    f"{RING_WINDOW} samples.",
}


class Operation(enum.Enum, shape=3):
    """What `operate` starts."""

    GENERATE = 0
    GENERATE_FRESH = 1
    TEST = 2
    LOAD_CUTOFFS = 3
    LOCK_CUTOFFS = 4
    OPEN_RAW = 5
    CLOSE_RAW = 6


class Outcome(enum.Enum, shape=3):
    """How an operation ended."""

    SUCCESS = 0
    UNKNOWN = 1
    CLOSED = 2
    FAILED = 3
    LOCKED = 4
    VACUOUS = 5
    LIFECYCLE = 6


class Status(csr.Register, access="r"):
    """State of the source, of the generator and of the last operation.

    Fields
    ------
    busy: An operation is being done.
    starting: The source is being tested before its bits are used.
    healthy: It has passed, and no test has failed since.
    ready: The generator is seeded: random words can be had.
    broken: The generator's known-answer test has failed: it stays closed until a reset or a wipe.
    locked: The cut-offs cannot be changed until a reset.
    raw: Raw bits go to `raw` and nowhere else: the generator is closed.
    outcome: How the last operation ended. 0 it succeeded; 1 there is no such operation; 2 the generator is
        closed, or was closed meanwhile; 3 a test of the source has failed; 4 the cut-offs are locked; 5 a
        cut-off is out of its range; 6 not in this lifecycle state.
    """

    codes = (("outcome", Outcome),)
    busy: csr.Field(csr.action.R, 1)
    starting: csr.Field(csr.action.R, 1)
    healthy: csr.Field(csr.action.R, 1)
    ready: csr.Field(csr.action.R, 1)
    broken: csr.Field(csr.action.R, 1)
    locked: csr.Field(csr.action.R, 1)
    raw: csr.Field(csr.action.R, 1)
    _: csr.Field(csr.action.ResR0W0, 1)
    outcome: csr.Field(csr.action.R, 3)


class Operate(csr.Register, access="w"):
    """Starts an operation; it ends with the cause `done`.

    Fields
    ------
    operation: 0 `generate` puts 256 random bits into `random`. 1 `generate_fresh` does so after the generator
        was seeded anew, with bits of the source that were made after the request (prediction resistance).
        2 `test` starts the source's tests anew, and the generator if they pass. 3 `load_cutoffs` takes
        `new_cutoffs` and does what `test` does. 4 `lock_cutoffs` keeps the cut-offs as they are until
        a reset. 5 `open_raw` closes the generator and lets raw bits go to `raw`, in lifecycle state
        manufacturing only. 6 `close_raw` ends that, and does what `test` does.
    """

    codes = (("operation", Operation),)
    operation: csr.Field(csr.action.W, 3)


class FailureCauses(csr.Register, access="rw"):
    """Tests that have failed since they were cleared here; writing one clears it.

    Fields
    ------
    repetition: Repetition count: one value for too long.
    proportion: Adaptive proportion: one value too often in a window.
    lag: A pattern with a period of up to sixteen bits.
    silence: No ring has moved: the source is dead.
    lost: Too many rings stand still or go together.
    """

    repetition: csr.Field(csr.action.RW1C, 1)
    proportion: csr.Field(csr.action.RW1C, 1)
    lag: csr.Field(csr.action.RW1C, 1)
    silence: csr.Field(csr.action.RW1C, 1)
    lost: csr.Field(csr.action.RW1C, 1)


class RawLevel(csr.Register, access="r"):
    """What there is to read in `raw`.

    Fields
    ------
    words: Words of raw bits.
    open: Raw bits are let out.
    """

    words: csr.Field(csr.action.R, 16)
    open: csr.Field(csr.action.R, 1)


def cutoff_register(access, ranges, defaults):
    """The register of the cut-offs, a field for each, with what may be loaded and what is there at first."""
    rw = access == "rw"
    widths = {name: allowed[-1].bit_length() for name, allowed in ranges.items()}
    register = csr.Register(
        {
            name: csr.Field(csr.action.RW, bits, init=defaults[name]) if rw else csr.Field(csr.action.R, bits)
            for name, bits in widths.items()
        },
        access=access,
    )
    lines = "\n".join(
        f"{name}: {_CUTOFF_TEXTS[name]} From {allowed[0]} to {allowed[-1]}; {defaults[name]} at first."
        for name, allowed in ranges.items()
    )
    what = "The cut-offs that `load_cutoffs` takes." if rw else "The cut-offs in use."
    register.__doc__ = f"{what}\n\nFields\n------\n{lines}"
    return register
