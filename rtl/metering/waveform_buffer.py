"""The waveform buffer: all lanes before and after an event, kept until the next one is complete."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bus import MemoryMap, StoredRegister, wishbone
from .parameters import LANE_BITS
from .quantity_memory import BankSwitch

__all__ = ["CAUSE_BITS", "TIME_BITS", "WaveformBuffer"]

CAUSE_BITS = 32
"""Bits of a trigger's cause."""

TIME_BITS = 64
"""Bits of a trigger's time."""

_BUS_BITS = 32

# Words, description, unit, in the order in which they are written.
_HEADER = {
    "sequence": (1, "Captures since power-on; 0 before the first; unchanged across a coherent read.", ""),
    "cause": (1, "What triggered the capture.", ""),
    "time": (2, "Sample set that triggered, counted from the first.", "sample"),
    "before": (1, "Sets before the one that triggered: its place in the arrays.", ""),
    "missed": (
        1,
        "Triggers since power-on that could not be taken, up to this capture's last set.",
        "",
    ),
}
_HEADER_WORDS = sum(words for words, _, _ in _HEADER.values())


class WaveformBuffer(wiring.Component):
    """Triggered capture of the sample sets before and after an event, in two banks of block RAM.

    One bank records, round and round, and the other shows the last complete capture. A trigger belongs to
    the set that came last; it is taken if ``before`` sets came before that one since the bank began to
    record, and otherwise counted as missed. With the ``after`` sets from the triggering one on, the capture
    is complete: it is shown, and the other bank begins to record. Nothing on the bus reaches the metrology
    domain.

    A reader takes the sequence word before and after: if it is the same, all words are of one capture.

    Parameters
    ----------
    lanes : int
        Lanes of a sample set.
    before, after : int
        Sets before the triggering one, and from it on, at least 2. Their sum is a power of two.

    Members
    -------
    set_stb : In(1)
        A sample set is at ``lanes``, in domain ``metrology``; at least ``lanes`` + 7 clocks, and four of
        ``sync``, after the one before.
    lanes : In(array of signed(28))
        The set; unchanged for one clock a lane after that of ``set_stb``.
    trigger_stb : In(1)
        A trigger, in domain ``metrology``; of the set of an earlier ``set_stb``.
    trigger_cause, trigger_time : In
        Cause and time, valid with ``trigger_stb``.
    bus : In(wishbone.Signature)
        Read port in domain ``sync``, 32 bits: the header, and each lane as an array, oldest set first.
        Writes are acknowledged and ignored (the firewall answers them with an error before they get here).
    shown_stb : Out(1)
        High for one clock of ``sync`` when another capture is shown.

    Latency
    -------
    A read is acknowledged in the clock after the strobe. A capture is complete ``lanes`` + 6 clocks
    after the ``set_stb`` of its last set, and seen after at most four clocks of ``sync``.

    Raises
    ------
    TypeError
        If a parameter is not a positive integer.
    ValueError
        If the sets of a capture are no power of two or fewer than 8, or those after the trigger are one.
    """

    def __init__(self, *, lanes, before, after):
        for name, value in {"Number of lanes": lanes, "Sets before": before, "Sets after": after}.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if after < 2:
            raise ValueError(f"Sets after must be at least 2, not {after}")
        self._lanes, self._before, self._after = lanes, before, after
        self._sets = before + after
        if self._sets & (self._sets - 1) or self._sets < 8:
            raise ValueError(
                f"Sets of a capture must be a power of two from 8 on, not {self._sets} (= {before} + {after})"
            )
        address_bits = ceil_log2(lanes + 1) + ceil_log2(self._sets)
        super().__init__(
            {
                "set_stb": In(1),
                "lanes": In(data.ArrayLayout(signed(LANE_BITS), lanes)),
                "trigger_stb": In(1),
                "trigger_cause": In(CAUSE_BITS),
                "trigger_time": In(TIME_BITS),
                "bus": In(wishbone.Signature(addr_width=address_bits, data_width=_BUS_BITS)),
                "shown_stb": Out(1),
            }
        )
        self.bus.memory_map = MemoryMap(addr_width=address_bits, data_width=_BUS_BITS)
        for name, (words, description, unit) in _HEADER.items():
            register = StoredRegister(description=description, width=_BUS_BITS * words, unit=unit)
            self.bus.memory_map.add_resource(register, name=(name,), size=words)
        for lane in range(lanes):
            register = StoredRegister(
                description=f"Samples of lane {lane}, oldest first; voltages are the first lanes.",
                width=LANE_BITS,
                signed=True,
                fraction_bits=LANE_BITS - 1,
                unit="full scale",
                count=self._sets,
            )
            self.bus.memory_map.add_resource(
                register, name=(f"lane{lane}",), size=self._sets, addr=(lane + 1) * self._sets
            )

    def elaborate(self, platform):
        m = Module()
        # Bank lowest and lane highest in the address: no lanes that are not there are kept.
        m.submodules.samples = samples = Memory(
            shape=signed(LANE_BITS), depth=2 * self._sets * self._lanes, init=[]
        )
        m.submodules.header = header = Memory(shape=_BUS_BITS, depth=2 << ceil_log2(_HEADER_WORDS), init=[])
        m.submodules.oldest = oldest = Memory(shape=range(self._sets), depth=2, init=[])
        m.submodules.banks = banks = BankSwitch()
        m.d.comb += self.shown_stb.eq(banks.shown_stb)
        ports = [memory.write_port(domain="metrology") for memory in (samples, header, oldest)]
        self._record(m, banks, *ports)
        ports = [samples.read_port(), header.read_port(), oldest.read_port(domain="comb")]
        self._show(m, banks, *ports)
        return m

    def _record(self, m, banks, samples, header, oldest):
        place, lane = Signal(range(self._sets)), Signal(range(self._lanes))
        writing, triggered = Signal(), Signal()
        recorded, to_come = Signal(range(self._before + 2)), Signal(range(self._after))
        with m.If(self.set_stb):
            m.d.metrology += [place.eq(place + 1), writing.eq(1)]
            with m.If(triggered):
                m.d.metrology += to_come.eq(to_come - 1)
            with m.Elif(recorded != self._before + 1):
                m.d.metrology += recorded.eq(recorded + 1)
        m.d.comb += [
            samples.addr.eq(Cat(banks.written, place, lane)),
            samples.data.eq(self.lanes[lane]),
            samples.en.eq(writing),
        ]
        with m.If(writing):
            m.d.metrology += lane.eq(lane + 1)
            with m.If(lane == self._lanes - 1):
                m.d.metrology += [lane.eq(0), writing.eq(0)]

        cause, time = Signal(CAUSE_BITS), Signal(TIME_BITS)
        missed, sequence = Signal(_BUS_BITS), Signal(_BUS_BITS, init=1)
        with m.If(self.trigger_stb):
            with m.If(triggered | (recorded != self._before + 1)):
                m.d.metrology += missed.eq(missed + 1)
            with m.Else():
                m.d.metrology += [
                    triggered.eq(1),
                    to_come.eq(self._after - 1),
                    cause.eq(self.trigger_cause),
                    time.eq(self.trigger_time),
                ]

        word = Signal(range(_HEADER_WORDS))
        contents = Cat(sequence, cause, time, Const(self._before, _BUS_BITS), missed)
        m.d.comb += [
            header.addr.eq(Cat(banks.written, word)),
            header.data.eq(contents.word_select(word, _BUS_BITS)),
            # The sequence word before a sample of its capture: a reader that meets both notices.
            header.en.eq(Mux(word == 0, self.set_stb, triggered & (to_come == 0) & ~writing)),
            banks.commit_stb.eq(header.en & (word == _HEADER_WORDS - 1)),
            oldest.addr.eq(banks.written),
            oldest.data.eq(place + 1),
            oldest.en.eq(banks.commit_stb),
        ]
        with m.If(header.en):
            m.d.metrology += word.eq(word + 1)
        with m.If(banks.commit_stb):
            m.d.metrology += [word.eq(0), triggered.eq(0), recorded.eq(0), sequence.eq(sequence + 1)]

    def _show(self, m, banks, samples, header, oldest):
        set_bits, word_bits = ceil_log2(self._sets), ceil_log2(_HEADER_WORDS)
        place, part = self.bus.adr[:set_bits], self.bus.adr[set_bits:]
        strobe = self.bus.cyc & self.bus.stb & ~self.bus.ack
        in_header = Signal()
        m.d.sync += [self.bus.ack.eq(strobe), in_header.eq(part == 0)]
        m.d.comb += [
            oldest.addr.eq(banks.shown),
            samples.addr.eq(
                Cat(banks.shown, (place + oldest.data)[:set_bits], (part - 1)[: ceil_log2(self._lanes)])
            ),
            samples.en.eq(strobe),
            header.addr.eq(Cat(banks.shown, place[:word_bits])),
            header.en.eq(strobe),
            self.bus.dat_r.eq(Mux(in_header, header.data, samples.data)),
        ]
