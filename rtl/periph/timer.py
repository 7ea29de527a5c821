"""Time since reset in microseconds, an alarm, and a clock whose setting leaves a trace."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import RegisterBank, csr

__all__ = ["Timer"]

_MICROSECONDS = 1_000_000


class Timer(wiring.Component):
    """Timer and real-time clock of the application domain.

    Time since reset is counted twice, from the same tick: in microseconds, and in seconds with their
    microseconds. Neither can be set. Wall-clock time is time since reset plus an offset that software
    sets; each setting is counted, and a count of zero means that the clock has not been set since reset.
    The sum is left to software: a record that carries all three shows which part of it was set.

    A clock that is no whole number of megahertz makes no error in the long run: the division carries its
    remainder.

    Parameters
    ----------
    clock_hz : int
        Clock of the domain, 1 MHz or more.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.

    Latency
    -------
    ``irq`` is high one cycle after ``now`` has reached ``compare``.

    Raises
    ------
    ValueError
        If the clock is slower than 1 MHz.
    """

    class Now(csr.Register, access="r"):
        """Time since reset.

        Fields
        ------
        microseconds: Microseconds since reset.
        """

        microseconds: csr.Field(csr.action.R, 64)

    class Compare(csr.Register, access="rw"):
        """Time of the alarm; all ones after reset, which is never.

        Fields
        ------
        microseconds: Value of `now` from which on the cause `alarm` is set.
        """

        microseconds: csr.Field(csr.action.RW, 64, init=(1 << 64) - 1)

    class Time(csr.Register, access="r"):
        """Time since reset in seconds; software cannot set it.

        Fields
        ------
        microseconds: Microseconds since the second began, 0 to 999 999.
        seconds: Whole seconds since reset.
        """

        microseconds: csr.Field(csr.action.R, 20)
        _: csr.Field(csr.action.ResR0W0, 12)
        seconds: csr.Field(csr.action.R, 32)

    class Offset(csr.Register, access="rw"):
        """What wall-clock time is ahead of `time`; a write of its last word counts as a setting.

        Fields
        ------
        microseconds: Microseconds to add.
        seconds: Seconds to add, unsigned: with `time` they give seconds since the epoch of the application.
        """

        microseconds: csr.Field(csr.action.RW, 20)
        _: csr.Field(csr.action.ResR0W0, 12)
        seconds: csr.Field(csr.action.RW, 32)

    class Settings(csr.Register, access="r"):
        """How often `offset` was written since reset; stops at its greatest value.

        Fields
        ------
        count: Number of settings; zero: the wall clock is not set.
        """

        count: csr.Field(csr.action.R, 32)

    def __init__(self, *, clock_hz):
        if not isinstance(clock_hz, int) or clock_hz < _MICROSECONDS:
            raise ValueError(f"Clock must be an integer of {_MICROSECONDS} Hz or more, not {clock_hz!r}")
        self._clock_hz = clock_hz
        self._bank = RegisterBank(
            identification="TIMR",
            version=1,
            addr_width=4,
            causes={"alarm": "`now` has reached `compare`."},
        )
        self._now = self._bank.add("now", self.Now())
        self._compare = self._bank.add("compare", self.Compare())
        self._time = self._bank.add("time", self.Time())
        self._offset = self._bank.add("offset", self.Offset())
        self._settings = self._bank.add("settings", self.Settings())
        memory_map = self._bank.freeze()
        super().__init__({"bus": In(csr.Signature(addr_width=4, data_width=32)), "irq": Out(1)})
        self.bus.memory_map = memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        connect(m, flipped(self.bus), self._bank.bus)
        m.d.comb += self.irq.eq(self._bank.irq)

        tick = self._microsecond_tick(m)
        now = Signal(64)
        microseconds = Signal(range(_MICROSECONDS))
        seconds = Signal(32)
        with m.If(tick):
            m.d.sync += [now.eq(now + 1), microseconds.eq(microseconds + 1)]
            with m.If(microseconds == _MICROSECONDS - 1):
                m.d.sync += [microseconds.eq(0), seconds.eq(seconds + 1)]

        settings = Signal(32)
        with m.If(self._offset.element.w_stb & ~settings.all()):
            m.d.sync += settings.eq(settings + 1)

        m.d.comb += [
            self._now.f.microseconds.r_data.eq(now),
            self._time.f.microseconds.r_data.eq(microseconds),
            self._time.f.seconds.r_data.eq(seconds),
            self._settings.f.count.r_data.eq(settings),
            self._bank.event("alarm").eq(now >= self._compare.f.microseconds.data),
        ]
        return m

    def _microsecond_tick(self, m):
        tick = Signal()
        phase = Signal(range(self._clock_hz))
        after = Signal(range(self._clock_hz + _MICROSECONDS))
        m.d.comb += [
            after.eq(phase + _MICROSECONDS),
            tick.eq(after >= self._clock_hz),
        ]
        m.d.sync += phase.eq(after)
        with m.If(tick):
            m.d.sync += phase.eq(after - self._clock_hz)
        return tick
