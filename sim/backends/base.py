"""What every back-end is: something that runs the chip with a scenario in its core's place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from soc.config import SocConfig
from soc.errors import InputError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Backend", "CyclesExhausted", "PowerOff", "Progress", "Result", "Run", "needs"]

Scenario = Callable[..., Generator[Any, Any, Any]]
Progress = Callable[[str, float | None], None]


class PowerOff(BaseException):
    """Thrown into a scenario that waits when the samples are used up and nothing more will happen.

    It is to firmware what the end of the mains is to silicon, so that firmware itself never handles it: it
    is no `Exception`. A scenario may catch it around the firmware, to return what has been gathered.
    """


class CyclesExhausted(Exception):
    """The scenario did not end within the application clocks that it was allowed."""


def needs(*features: str) -> Callable[[Scenario], Scenario]:
    """Mark a scenario with what it needs of a back-end beyond clocks and the bus.

    Features: ``samples``, sample sets presented as soon as the chip takes them; ``console``, bytes over the
    serial line; ``cycles``, figures in cycles that are those of the chip.
    """

    def mark(scenario: Scenario) -> Scenario:
        scenario.needs = frozenset(features)  # type: ignore[attr-defined]
        return scenario

    return mark


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, as a back-end is given it.

    Parameters
    ----------
    config : SocConfig
        The chip.
    scenario : function
        Called with ``arguments``, gives the coroutine that takes the core's place.
    arguments : tuple
        Positional arguments of the scenario.
    samples : array of integers or None
        One row a sample set, one column a lane, voltages first. With an array, the power fails when it
        is used up; None means that no sample ever comes, and the power stays. The window that ends last is
        shown only if ``Constants.tail_sets`` more sets follow it.
    samples_wait : bool
        The first set is presented when the scenario waits for an interrupt for the first time: what it
        sets before holds from that set on.
    temperature : int
        What the temperature sensor shows, in 1/256 °C.
    console_input : bytes
        Sent to the chip over ``uart_comms`` from the start.
    hold_cycles : int or None
        Application clocks that the chip is powered after the metrology has computed all that follows from
        the last sample set, and after the last bit sent. The default leaves time to send a byte, and more.
    cycles_limit : int or None
        Application clocks after which `CyclesExhausted` ends a run that has not ended.
    """

    config: SocConfig
    scenario: Scenario
    arguments: tuple[Any, ...] = ()
    samples: np.ndarray | None = None
    samples_wait: bool = False
    temperature: int = 0
    console_input: bytes = b""
    hold_cycles: int | None = None
    cycles_limit: int | None = None

    @property
    def title(self) -> str:
        """Name of the scenario, for messages."""
        return f"{self.scenario.__module__}.{self.scenario.__qualname__}"

    @property
    def needs(self) -> frozenset[str]:
        """Features that it needs of a back-end, see `needs`."""
        given = {"samples": self.samples is not None, "console": bool(self.console_input)}
        marked: frozenset[str] = getattr(self.scenario, "needs", frozenset())
        return marked | {feature for feature, is_given in given.items() if is_given}

    @property
    def exhausted(self) -> CyclesExhausted:
        """The error of a run that has reached its limit."""
        return CyclesExhausted(
            f"The scenario {self.title} has not ended within {self.cycles_limit} application clocks."
        )

    @property
    def hold(self) -> int:
        """``hold_cycles`` or its default."""
        if self.hold_cycles is not None:
            return self.hold_cycles
        config = self.config
        computing = 4 * config.sample_clocks * config.application_hz // config.metrology_hz
        return max(computing, 12 * config.application_hz // config.uart_baud)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gave.

    Parameters
    ----------
    value : object
        What the scenario returned; None if the power failed and it did not catch that.
    application_cycles, metrology_cycles : int
        Clocks of each domain that passed until then.
    operations : int
        Bus accesses and waits that the scenario made; one longer than the core's buffer counts for each
        part of it.
    sample_sets : int
        Sample sets that the chip took.
    console : bytes
        What the chip sent over ``uart_comms``.
    wall_s : float
        Seconds of wall time from the first clock to the last.
    """

    value: Any
    application_cycles: int
    metrology_cycles: int
    operations: int
    sample_sets: int
    console: bytes = field(repr=False)
    wall_s: float


class Backend(ABC):
    """Something that runs scenarios.

    A subclass has a ``name``, the ``features`` that it offers (see `needs`), and implements `_run`.
    """

    name: ClassVar[str]
    features: ClassVar[frozenset[str]]

    def run(
        self,
        config: SocConfig,
        scenario: Scenario,
        *arguments: Any,
        progress: Progress | None = None,
        **options: Any,
    ) -> Result:
        """Run ``scenario(*arguments)`` on the chip of ``config``; ``options`` are those of `Run`.

        ``progress(step, fraction)`` is called a few times a second with what is being done and how far it
        is, None where that is unknown. An exception that the scenario does not catch is raised here.

        Raises `InputError` if this back-end cannot do it, with the reason.
        """
        run = Run(config=config, scenario=scenario, arguments=arguments, **options)
        self._check(run)
        return self._run(run, progress or (lambda step, fraction: None))

    def _check(self, run: Run) -> None:
        if missing := run.needs - self.features:
            raise InputError(
                f"The back-end {self.name!r} cannot run {run.title}, which needs {_listed(missing)}; it "
                f"offers {_listed(self.features)}."
            )
        if run.samples is not None:
            self._check_samples(run.samples, run.config)
        if not 0 <= run.hold < 1 << 32:
            raise InputError(f"Cycles to hold the power must be 0 to {(1 << 32) - 1}, not {run.hold}.")
        if run.cycles_limit is not None and run.cycles_limit < 1:
            raise InputError(f"The limit of cycles must be 1 or more, not {run.cycles_limit}.")

    def _check_samples(self, samples: np.ndarray, config: SocConfig) -> None:
        if samples.ndim != 2 or samples.shape[1] != config.lanes or samples.dtype.kind != "i":
            raise InputError(
                f"Samples must be signed integers in {config.lanes} columns, one for each lane of "
                f"{config.name!r}, not an array of {samples.dtype} of shape {samples.shape}."
            )
        limit = 1 << (config.word_bits - 1)
        if samples.size and not (-limit <= samples.min() and samples.max() < limit):
            raise InputError(
                f"Samples must fit in {config.word_bits} bits ({-limit} to {limit - 1}), not lie between "
                f"{samples.min()} and {samples.max()}."
            )

    @abstractmethod
    def _run(self, run: Run, progress: Progress) -> Result:
        """Run it; everything about ``run`` has been checked."""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing more"
