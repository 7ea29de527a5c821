"""The power-fail store on the real memory: power is cut at every clock, and no count is lost or invented."""

import os
import random
import zlib

import pytest
from amaranth import Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from rtl.bus import NvmPortSignature
from rtl.guard.nvm import NvmRegion
from rtl.metering.core import MeteringCore
from rtl.metering.power_fail import PowerFailStore, Restored, record_identification
from sim.block import Block
from soc.config import preset

EVERY_CLOCK = os.environ.get("WATTSEAL_POWER_CUTS") == "all"
"""Whether the campaigns visit every clock, instead of one in so many."""

LIMIT = 20_000  # clocks that nothing takes longer than
WORD = 0xFFFF_FFFF
LOST = 1 << 31
IDENTIFICATION = record_identification(["phase1.active.import", "phase1.active.export"], 108)


class Meter(wiring.Component):
    """The store with its memory and with cells.

    ``power`` low for a clock is a power cut: the store forgets everything, the memory tears a word. With
    ``bench`` the store is in reset, and the memory is the bench's.
    """

    def __init__(self, *, first, count, cell_bits=108, write_clocks=4):
        self.store = PowerFailStore(
            first=first, count=count, cell_bits=cell_bits, identification=IDENTIFICATION
        )
        self.region = NvmRegion(words=self.store.words, write_clocks=write_clocks, tears=True)
        self.first, self.count, self.cell_bits, self.write_clocks = first, count, cell_bits, write_clocks
        cell = data.StructLayout({"adr": range(first + count), "data": cell_bits})
        self.outputs = ("save_done", "restore_done", "restored", "complete", "lost", "sequence", "fault")
        outputs = {name: Out(self.store.signature.members[name].shape) for name in self.outputs}
        super().__init__(
            {
                "power": In(1),
                "torn": In(32),
                "save": In(1),
                "bench": In(1),
                "nvm": In(NvmPortSignature(words=self.store.words)),
                "cells": In(stream.Signature(cell)),
                "look_adr": In(range(first + count)),
                "look": Out(cell_bits),
                **outputs,
            }
        )

    def elaborate(self, platform):
        m = Module()
        store, region = self.store, self.region
        off = Signal()
        m.submodules.store = ResetInserter(off)(store)
        m.submodules.region = region
        m.submodules.memory = memory = Memory(shape=self.cell_bits, depth=self.first + self.count, init=[])
        read, look, write = memory.read_port(), memory.read_port(domain="comb"), memory.write_port()
        m.d.comb += [
            off.eq(self.bench | ~self.power),
            [region.power.eq(self.power), region.torn.eq(self.torn), store.save.eq(self.save)],
            [getattr(self, name).eq(getattr(store, name)) for name in self.outputs],
            [read.addr.eq(store.cell_adr), store.cell_r.eq(read.data)],
            [look.addr.eq(self.look_adr), self.look.eq(look.data)],
            write.addr.eq(Mux(self.cells.valid, self.cells.payload.adr, store.cell_adr)),
            write.data.eq(Mux(self.cells.valid, self.cells.payload.data, store.cell_w)),
            write.en.eq(self.cells.valid | (store.cell_we & ~off)),
            self.cells.ready.eq(1),
        ]
        with m.If(self.bench):
            wiring.connect(m, wiring.flipped(self.nvm), region.port)
        with m.Else():
            wiring.connect(m, store.nvm, region.port)
        return m


class Rig:
    """A compiled `Meter` and what is done to it."""

    def __init__(self, **made_for):
        meter = Meter(**made_for)
        self.block = Block(meter)
        self.first, self.count, self.cell_bits = meter.first, meter.count, meter.cell_bits
        self.words = meter.store.words
        self.copy_words = self.words // 2
        # From the strobe: clocks of a word, of a save, and the first clock whose cut finds a new copy.
        self.word_clocks = max(6, meter.write_clocks + 2)
        self.save_clocks = 2 * (self.copy_words + 1) * self.word_clocks + 1
        self.first_copy = self.copy_words * self.word_clocks + 2 + meter.write_clocks
        self.flight = meter.write_clocks - 1
        scan = 6 * self.copy_words + 1
        self.restore_clocks, self.vain_restore_clocks = 3 * scan + 1, 2 * scan + 1
        fields = meter.nvm.request.payload.shape()
        self._at = {name: fields[name].offset for name in ("adr", "write", "data")}
        self._cell_at = meter.cells.payload.shape()["data"].offset

    def record(self, cells, sequence):
        """A copy as its words: the format, told once more."""
        words = [IDENTIFICATION, sequence]
        for cell in cells:
            words += [cell >> at & WORD for at in range(0, self.cell_bits, 32)]
        packed = b"".join(word.to_bytes(4, "little") for word in words)
        return [*words, zlib.crc32(packed)]

    def recovered(self, memory):
        """What a restore must find in the memory: (restored, sequence, cells)."""
        found = []
        for at, copy in ((0, Restored.FROM_A), (self.copy_words, Restored.FROM_B)):
            words = memory[at : at + self.copy_words]
            cells = self._cells_in(words[2:-1])
            if words == self.record(cells, words[1]):
                found.append((copy, words[1], cells))
        if found:
            return max(found, key=lambda copy: copy[1])  # of equals the first
        return (Restored.INVALID, LOST, None) if any(memory) else (Restored.NONE, 0, None)

    def _cells_in(self, words):
        per_cell = len(words) // self.count
        parts = [words[at : at + per_cell] for at in range(0, len(words), per_cell)]
        return [sum(word << 32 * place for place, word in enumerate(part)) for part in parts]

    def off(self):
        """Without power, but for the bench."""
        self.block.set("bench", 1)
        self.block.set("power", 1)
        self.block.tick()

    def load(self, memory):
        """Fill the memory; the store is off."""
        at = self._at
        payloads = [
            adr << at["adr"] | 1 << at["write"] | word << at["data"] for adr, word in enumerate(memory)
        ]
        self.block.send("nvm__request", payloads, LIMIT)
        self.block.until("nvm__done", LIMIT)

    def memory(self):
        """What the memory holds; the store is off."""
        words = []
        self.block.set("nvm__request__valid", 1)
        for adr in range(self.words):
            self.block.set("nvm__request__payload", adr << self._at["adr"])
            self.block.tick()
            words.append(self.block.get("nvm__data"))
        self.block.set("nvm__request__valid", 0)
        return words

    def set_cells(self, cells):
        """Give the cells values, as the engine does."""
        payloads = [self.first + index | cell << self._cell_at for index, cell in enumerate(cells)]
        self.block.send("cells", payloads, LIMIT)

    def cells(self):
        values = []
        for index in range(self.count):
            self.block.set("look_adr", self.first + index)
            values.append(self.block.get("look"))
        return values

    def on(self):
        """Power on with cells that hold nothing yet; returns what was restored, as `recovered` does."""
        self.set_cells(self.junk())
        self.block.set("bench", 0)
        clocks = self.block.until("restore_done", LIMIT)
        restored = Restored(self.block.get("restored"))
        found = restored in (Restored.FROM_A, Restored.FROM_B)
        assert clocks == (self.restore_clocks if found else self.vain_restore_clocks)
        assert not self.block.get("fault")
        cells = self.cells()
        if not found:
            assert cells == self.junk(), "cells were written, but nothing was restored"
        return restored, self.block.get("sequence"), cells if found else None

    def junk(self):
        return [0x5A5A * (index + 1) % (1 << self.cell_bits) for index in range(self.count)]

    def strobe(self):
        self.block.set("save", 1)
        self.block.tick()
        self.block.set("save", 0)

    def save(self):
        """A whole save; returns its clocks."""
        self.strobe()
        return 1 + self.block.until("save_done", LIMIT)

    def cut(self, clock, torn):
        """Save, and cut the power in a clock, the strobe's being 0."""
        self.block.set("torn", torn)
        self.block.set("save", 1)
        if clock:
            self.block.tick()
            self.block.set("save", 0)
            self.block.tick(clock - 1)
        self.block.set("power", 0)
        self.block.tick()
        self.block.set("save", 0)
        self.off()


MADE_FOR = {
    "small": {"first": 2, "count": 4},
    "calibration": {"first": 0, "count": 3, "cell_bits": 36, "write_clocks": 2},
    "slow memory": {"first": 1, "count": 3, "cell_bits": 64, "write_clocks": 7},
}
_RIGS: dict[str, Rig] = {}


def cells_of(name):
    """The cells that a preset's chip keeps."""
    config = preset(name)
    first, end = MeteringCore(config.metering, sample_clocks=config.sample_clocks).registers
    return {"first": first, "count": end - first}


def rig_of(name):
    """The rig of one of `MADE_FOR`, or of a preset's chip, compiled once, as it is when it was never used."""
    if name not in _RIGS:
        _RIGS[name] = Rig(**(MADE_FOR.get(name) or cells_of(name)))
    rig = _RIGS[name]
    rig.block = rig.block.fresh()
    rig.off()
    return rig


def random_cells(rig, rng, before=None):
    """Cells as counts are: small ones, negative ones, and some as they were before."""
    bits = rig.cell_bits
    cells = []
    for index in range(rig.count):
        value = rng.choice((rng.getrandbits(bits), rng.getrandbits(bits // 3), -rng.getrandbits(9), 0))
        if before and rng.random() < 0.6:
            value = before[index] + rng.choice((0, 0, 1, 77, -1))
        cells.append(value % (1 << bits))
    return cells


def random_tear(rng):
    return rng.choice((0, WORD, rng.getrandbits(32), rng.getrandbits(32), 1 << rng.randrange(32)))


def corrupt(copy, rng):
    """A copy that is none any more: a bit flipped, a word gone, all gone, or noise."""
    copy = list(copy)
    at = rng.randrange(len(copy))
    kind = rng.randrange(4)
    if kind == 0:
        copy[at] ^= 1 << rng.randrange(32)
    elif kind == 1:
        copy[at] = rng.getrandbits(32) if copy[at] == 0 else 0
    else:
        copy = [rng.getrandbits(32) * (kind == 3) for _ in copy]
    return copy


def start_memory(rig, start, older, rng):
    """Memory from which a case starts; ``older`` are the cells that it restores, if any."""
    sequence = rng.choice((1, 2, 1000, LOST + 3))
    newest, eldest = rig.record(older, sequence), rig.record(random_cells(rig, rng), sequence - 1)
    return {
        "blank": [0] * rig.words,
        "older record": newest + newest,
        "A corrupt": corrupt(newest, rng) + newest,
        "B corrupt": newest + corrupt(newest, rng),
        "A newer": newest + eldest,
        "B newer": eldest + newest,
        "both corrupt": corrupt(newest, rng) + corrupt(newest, rng),
    }[start]


STARTS = ("blank", "older record", "A corrupt", "B corrupt", "A newer", "B newer", "both corrupt")


def try_cut(rig, start, clock, seed, *, thorough):
    """Power on, save with a cut in ``clock``, power on: each time the right cells or none.

    A thorough trial also looks into the memory after the cut, and saves once more at the end.
    """
    rng = random.Random(seed)
    older = random_cells(rig, rng)
    memory = start_memory(rig, start, older, rng)
    rig.load(memory)
    before = rig.on()
    assert before == rig.recovered(memory)
    assert before[2] in (older, None)
    newer, torn = random_cells(rig, rng, older), random_tear(rng)
    rig.set_cells(newer)
    rig.cut(clock, torn)
    if thorough:
        copies = [memory[: rig.copy_words], memory[rig.copy_words :], rig.record(newer, before[1] + 1)]
        memory = rig.memory()
        for at in (0, rig.copy_words):  # no chance decides whether an unfinished copy is believed
            assert memory[at : at + rig.copy_words] in copies or memory[at] != IDENTIFICATION
    after = rig.on()
    if thorough:
        assert after == rig.recovered(memory)
        same = memory[: rig.copy_words] == memory[rig.copy_words :]
        assert rig.block.get("complete") == (same and after[2] is not None)
    if after[1:] == (before[1] + 1, newer):
        assert clock >= rig.first_copy - rig.flight
    else:
        assert clock < rig.first_copy - (torn == WORD) * rig.flight
        assert after[2] == before[2]
        assert after[1] == before[1] or before[2] is None
    if clock >= rig.save_clocks - 1:
        assert rig.block.get("complete")
    if thorough:
        check_next_save(rig, random_cells(rig, rng, newer))


def check_next_save(rig, cells):
    rig.set_cells(cells)
    assert rig.save() == rig.save_clocks
    sequence = rig.block.get("sequence")
    rig.off()
    assert rig.on() == (Restored.FROM_A, sequence, cells)
    assert rig.block.get("complete")


def campaign(name, start, *, tears, step=1, thorough_step=1):
    """Cut at every ``step``-th clock of a save, and at all where something is decided."""
    rig = rig_of(name)
    clocks = {*range(0, rig.save_clocks + 2, step), *range(12), rig.save_clocks - 1, rig.save_clocks}
    clocks |= set(range(rig.first_copy - 2 * rig.word_clocks, rig.first_copy + rig.word_clocks))
    for clock in sorted(clocks):
        for tear in range(tears):
            seed = f"{name}/{start}/{clock}/{tear}"
            rig.off()
            try:
                try_cut(rig, start, clock, seed, thorough=clock % thorough_step == 0)
            except (AssertionError, TimeoutError) as error:
                rig.block = rig.block.fresh()
                raise AssertionError(
                    f"Repeat with try_cut(rig_of({name!r}), {start!r}, {clock}, {seed!r}): {error}"
                ) from error


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", ["small", "calibration", "slow memory"])
def test_a_cut_at_any_clock_leaves_the_old_record_or_the_new(name, start):
    campaign(name, start, tears=20 if EVERY_CLOCK else 1)


@pytest.mark.parametrize("start", STARTS)
def test_a_cut_at_any_clock_of_a_long_save(start):
    if EVERY_CLOCK:
        campaign("polyphase", start, tears=1, thorough_step=16)
    else:
        campaign("polyphase", start, tears=1, step=397)


@pytest.mark.parametrize("name", MADE_FOR)
def test_both_copies_are_as_the_format_says(name):
    rig = rig_of(name)
    cells = random_cells(rig, random.Random(name))
    rig.load([0] * rig.words)
    assert rig.on() == (Restored.NONE, 0, None)
    rig.set_cells(cells)
    assert rig.save() == rig.save_clocks
    rig.off()
    assert rig.memory() == 2 * rig.record(cells, 1)


def test_a_cut_during_the_restore_costs_nothing():
    rig = rig_of("small")
    rng = random.Random(1)
    for start in ("older record", "A newer", "B corrupt"):
        older = random_cells(rig, rng)
        memory = start_memory(rig, start, older, rng)
        for clock in range(rig.restore_clocks + 1):
            rig.load(memory)
            rig.block.set("bench", 0)
            rig.block.tick(clock)
            rig.block.set("torn", rng.getrandbits(32))
            rig.block.set("power", 0)
            rig.block.tick()
            rig.off()
            assert rig.memory() == memory, f"repeat with start {start!r}, clock {clock}"
            assert rig.on() == rig.recovered(memory), f"repeat with start {start!r}, clock {clock}"
            rig.off()


@pytest.mark.parametrize("seed", range(6 if EVERY_CLOCK else 2))
def test_a_life_of_cuts(seed):
    """Power fails when it likes, again and again: what comes back is the last whole save or the one cut."""
    rig = rig_of("small")
    rng = random.Random(seed)
    rig.load([0] * rig.words)
    may_come_back, copies = [None], set()
    for life in range(400):
        restored, _, kept = rig.on()
        assert kept in may_come_back, f"repeat with seed {seed}, life {life}"
        copies.add(restored)
        for _ in range(rng.choice((0, 0, 1, 2))):  # the power recovers
            kept = random_cells(rig, rng, kept)
            rig.set_cells(kept)
            rig.save()
        newer, clock = random_cells(rig, rng, kept), rng.randrange(rig.save_clocks + 1)
        rig.set_cells(newer)
        rig.cut(clock, random_tear(rng))
        may_come_back = [newer] if clock >= rig.first_copy - rig.flight else [kept]
        if clock in range(rig.first_copy - rig.flight, rig.first_copy):
            may_come_back.append(kept)
    assert copies >= {Restored.FROM_A, Restored.FROM_B}


def test_what_was_lost_stays_known():
    rig = rig_of("small")
    rng = random.Random(3)
    rig.load(start_memory(rig, "both corrupt", random_cells(rig, rng), rng))
    assert rig.on() == (Restored.INVALID, LOST, None)
    assert rig.block.get("lost")
    for save in range(1, 4):
        cells = random_cells(rig, rng)
        rig.set_cells(cells)
        rig.save()
        rig.off()
        assert rig.on() == (Restored.FROM_A, LOST + save, cells)
        assert rig.block.get("lost")


def test_a_record_of_other_cells_is_not_restored():
    rig = rig_of("small")
    record = rig.record(random_cells(rig, random.Random(4)), 7)
    record[0] ^= 1 << 9
    record[-1] = zlib.crc32(b"".join(word.to_bytes(4, "little") for word in record[:-1]))
    rig.load(record + record)
    assert rig.on() == (Restored.INVALID, LOST, None)


def test_every_flipped_bit_of_a_copy_is_found():
    rig = rig_of("calibration")
    record = rig.record(random_cells(rig, random.Random(5)), 7)
    for bit in range(32 * rig.copy_words):
        memory = record + record
        memory[bit // 32] ^= 1 << bit % 32
        rig.load(memory)
        assert rig.on()[0] is Restored.FROM_B, f"bit {bit}"
        assert not rig.block.get("complete")
        rig.off()


def test_a_save_asked_for_during_the_restore_follows_it():
    rig = rig_of("small")
    cells = random_cells(rig, random.Random(6))
    rig.load(2 * rig.record(cells, 9))
    for clock in range(0, rig.restore_clocks, 23):
        rig.block.set("bench", 0)
        rig.block.tick(clock)
        rig.strobe()
        assert clock + 1 + rig.block.until("restore_done", LIMIT) == rig.restore_clocks
        assert rig.block.until("save_done", LIMIT) == rig.save_clocks
        rig.block.tick()
        with pytest.raises(TimeoutError):
            rig.block.until("save_done", 2 * rig.save_clocks)
        rig.off()
    assert rig.on() == (Restored.FROM_A, 9 + 16, cells)


def test_a_save_asked_for_twice_is_one():
    rig = rig_of("small")
    rig.load([0] * rig.words)
    rig.on()
    rig.strobe()
    rig.block.tick(50)
    rig.strobe()
    assert 52 + rig.block.until("save_done", LIMIT) == rig.save_clocks
    rig.block.tick()
    with pytest.raises(TimeoutError):
        rig.block.until("save_done", 2 * rig.save_clocks)
    assert rig.block.get("sequence") == 1


class Peer:
    """Memory and cells in Python: takes its time, and refuses or misreads one request on demand."""

    def __init__(self, dut, memory, *, seed, refuse=None, misread=None):
        self.dut, self.memory, self.rng = dut, list(memory), random.Random(seed)
        self.refuse, self.misread = refuse, misread
        self.cells = {}
        self.requests = 0

    async def pause(self, ctx):
        for _ in range(self.rng.choice((0, 0, 1, 5))):
            await ctx.tick()

    async def serve(self, ctx):
        port = self.dut.nvm
        while True:
            await self.pause(ctx)
            ctx.set(port.request.ready, 1)
            _, _, valid, request = await ctx.tick().sample(port.request.valid, port.request.payload)
            ctx.set(port.request.ready, 0)
            if not valid:
                continue
            await self.pause(ctx)
            refused = self.requests == self.refuse
            if request.write and not refused:
                self.memory[request.adr] = request.data
            ctx.set(port.data, self.memory[request.adr] ^ (self.requests == self.misread))
            ctx.set(port.error, refused)
            ctx.set(port.done, 1)
            self.requests += 1
            await ctx.tick()
            ctx.set(port.done, 0)
            ctx.set(port.data, 0x0BAD_0BAD)

    async def keep_cells(self, ctx):
        dut = self.dut
        async for _, _, adr, we, value in ctx.tick().sample(dut.cell_adr, dut.cell_we, dut.cell_w):
            if we:
                self.cells[adr] = value
            ctx.set(dut.cell_r, self.cells.get(adr, 0))


def with_peer(memory, *, save=False, **peer):
    """Restore, and perhaps save, with a `Peer`; returns it and the outputs."""
    dut = PowerFailStore(first=3, count=4, identification=IDENTIFICATION)
    peer = Peer(dut, memory, **peer)
    outputs = {}

    async def bench(ctx):
        await ctx.tick().until(dut.restore_done)
        if save:
            peer.cells = {adr: cell + 1 for adr, cell in peer.cells.items()}
            ctx.set(dut.save, 1)
            await ctx.tick()
            ctx.set(dut.save, 0)
            await ctx.tick().until(dut.save_done)
        outputs.update({name: ctx.get(getattr(dut, name)) for name in ("restored", "complete", "fault")})

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(peer.serve, background=True)
    simulator.add_testbench(peer.keep_cells, background=True)
    simulator.add_testbench(bench)
    simulator.run()
    return peer, outputs


@pytest.mark.parametrize("seed", range(4))
def test_a_memory_that_takes_its_time(seed):
    rig = rig_of("small")
    cells = random_cells(rig, random.Random(seed))
    peer, outputs = with_peer(2 * rig.record(cells, 5), save=True, seed=seed)
    assert outputs == {"restored": Restored.FROM_A, "complete": 1, "fault": 0}, f"repeat with seed {seed}"
    cells = [(cell + 1) % (1 << rig.cell_bits) for cell in cells]
    assert peer.memory == 2 * rig.record(cells, 6), f"repeat with seed {seed}"


@pytest.mark.parametrize("trouble", ["refuse", "misread"])
def test_a_copy_that_turns_bad_while_it_is_restored_gives_way_to_the_other(trouble):
    rig = rig_of("small")
    cells = random_cells(rig, random.Random(7))
    n = rig.copy_words
    for request in (1, n, 2 * n, 2 * n + 1, 2 * n + 6, 3 * n - 1):
        peer, outputs = with_peer(2 * rig.record(cells, 5), seed=request, **{trouble: request})
        assert [peer.cells[3 + index] for index in range(4)] == cells, f"request {request}"
        bad_a = request < n or request >= 2 * n
        assert outputs["restored"] == (Restored.FROM_B if bad_a else Restored.FROM_A), f"request {request}"
        assert (outputs["complete"], outputs["fault"]) == (0, trouble == "refuse"), f"request {request}"


def test_identification_tells_cells_their_order_and_their_length():
    known = {
        record_identification(cells, bits) for cells in (["a", "b"], ["b", "a"], ["ab"]) for bits in (36, 108)
    }
    assert len(known) == 6
    assert all(0 < identification <= WORD for identification in known)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"first": -1}, ValueError, "First cell must be 0 or more, not -1"),
        ({"count": 0}, ValueError, "Number of cells must be 1 or more, not 0"),
        ({"count": 2.0}, TypeError, "Number of cells must be an integer, not 2.0"),
        ({"cell_bits": 0}, ValueError, "Cell length must be 1 or more, not 0"),
        (
            {"identification": 0},
            ValueError,
            "Identification must be a word of 32 bits, not zero, not 0x0",
        ),
        (
            {"identification": 1 << 32},
            ValueError,
            "Identification must be a word of 32 bits, not zero, not 0x100000000",
        ),
    ],
)
def test_impossible_parameters(changes, error, sentence):
    with pytest.raises(error) as caught:
        PowerFailStore(**{"first": 0, "count": 4, "identification": 1, **changes})
    assert str(caught.value) == sentence
