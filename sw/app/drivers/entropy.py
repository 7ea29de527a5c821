"""Random numbers, the tests of their source, and its raw bits."""

from soc.generated.registers import entropy

from .. import access
from ..ops import Read, Wait

__all__ = ["IDENTIFICATION", "VERSION", "Entropy", "Refused"]

IDENTIFICATION = "ENTR"
VERSION = 1

_OPERATION = entropy.operate.fields["operation"]
_OUTCOME = entropy.status.fields["outcome"]
_WORD_BYTES = 4
_REFUSALS = {
    "unknown": "there is no such operation",
    "closed": "the generator of random numbers is closed",
    "failed": "a test of the source of randomness has failed",
    "locked": "the cut-offs are locked",
    "vacuous": "a cut-off is out of its range: its test would let too much pass, or nothing",
    "lifecycle": "not in this lifecycle state",
}


class Refused(Exception):
    """The entropy block refused an operation; the message says why."""


class Entropy:
    """Driver of the entropy block."""

    def state(self):
        """The fields of `status`, and of `failures` those tests that have failed, as a tuple of names."""
        status = yield from access.read_fields(entropy.status)
        failures = yield from access.read_fields(entropy.failures)
        return {**status, "failures": tuple(name for name, failed in failures.items() if failed)}

    def ready(self, cycles=None):
        """Sleep until random numbers can be had, or for ``cycles`` clocks; tells whether they can."""
        yield from access.write_fields(entropy.cause, ready=1)
        yield from access.write_fields(entropy.enable, ready=1)
        yield Wait(1 << entropy.interrupt, cycles)
        yield from access.write(entropy.enable, 0)
        return bool((yield from access.read_fields(entropy.status))["ready"])

    def generate(self, count, *, fresh=False):
        """``count`` random bytes; with ``fresh``, each 32 after the generator was seeded anew.

        Raises `Refused` if the generator is closed; no byte is given out then.
        """
        taken = b""
        while len(taken) < count:
            yield from self._operate("generate_fresh" if fresh else "generate")
            words = yield Read(entropy.random.address, entropy.random.words)
            if (yield from access.read_fields(entropy.cause))["refused"]:
                raise Refused(_REFUSALS["closed"])
            taken += b"".join(word.to_bytes(_WORD_BYTES, "big") for word in words)
        return taken[:count]

    def test(self):
        """Test the source anew; raises `Refused` if it fails. The generator is seeded again if it passes."""
        yield from self._operate("test")

    def load_cutoffs(self, **cutoffs):
        """Take other cut-offs, all by the names of the fields of `new_cutoffs`, and test the source."""
        yield from access.write_fields(entropy.new_cutoffs, **cutoffs)
        yield from self._operate("load_cutoffs")

    def cutoffs(self):
        """The cut-offs in use, by name."""
        return (yield from access.read_fields(entropy.cutoffs))

    def lock_cutoffs(self):
        """Keep the cut-offs as they are until a reset."""
        yield from self._operate("lock_cutoffs")

    def open_raw(self):
        """Let raw bits out instead of random numbers, in lifecycle state manufacturing."""
        yield from self._operate("open_raw")

    def close_raw(self):
        """Test the source again, and seed the generator."""
        yield from self._operate("close_raw")

    def raw(self, words, poll_cycles=1000):
        """The next ``words`` words of raw bits as bytes, the first bit on top; wants `open_raw` before.

        They are pieces of consecutive bits, as long as `raw_level` can show; between two pieces bits are
        left out.
        """
        taken: list[int] = []
        while len(taken) < words:
            level = yield from access.read_fields(entropy.raw_level)
            if not level["open"]:
                raise Refused("raw bits are not let out")
            count = min(words - len(taken), level["words"], entropy.raw.words)
            if count:
                taken += yield Read(entropy.raw.address, count)
            else:
                yield Wait(0, poll_cycles)
        return b"".join(word.to_bytes(_WORD_BYTES, "big") for word in taken)

    def _operate(self, name):
        yield from access.write_fields(entropy.cause, done=1, refused=1)
        yield from access.write_fields(entropy.enable, done=1, refused=1)
        yield from access.write_fields(entropy.operate, operation=_OPERATION.codes[name])
        yield Wait(1 << entropy.interrupt)
        yield from access.write(entropy.enable, 0)
        if (yield from access.read_fields(entropy.cause))["refused"]:
            raise Refused("an operation was being done")
        outcome = (yield from access.read_fields(entropy.status))["outcome"]
        if outcome:
            raise Refused(_REFUSALS[_OUTCOME.named(outcome)])
