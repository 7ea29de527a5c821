"""A compiled block behaves as Amaranth's simulator says, and is compiled once."""

import pytest
from amaranth import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sim import block as module
from sim.block import Block
from soc.errors import InputError

LIMIT = 100


class Sample(wiring.Component):
    """Adds what it is sent, slowly, and shows ports of all widths."""

    def __init__(self, *, start=0):
        self._start = start
        payload = data.StructLayout({"low": 32, "high": 40})
        super().__init__(
            {
                "words": In(stream.Signature(payload)),
                "narrow": In(3),
                "wide": In(200),
                "narrow_too": Out(3),
                "byte": Out(8),
                "short": Out(16),
                "word": Out(32),
                "long": Out(64),
                "wide_too": Out(200),
                "total": Out(72, init=start),
                "four": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.narrow_too.eq(self.narrow),
            *(port.eq(self.wide) for port in (self.byte, self.short, self.word, self.long, self.wide_too)),
        ]
        m.d.sync += self.words.ready.eq(~self.words.ready)
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += self.total.eq(self.total + self.words.payload.as_value())
        m.d.comb += self.four.eq(self.total[:3] == 4)
        return m


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("blocks")


def test_ports_of_every_width(cache):
    block = Block(Sample(), cache=cache)
    value = int.from_bytes(bytes(range(1, 26)), "little")
    block.set("wide", value)
    for port, bits in {"byte": 8, "short": 16, "word": 32, "long": 64, "wide_too": 200}.items():
        assert block.ports[port] == bits
        assert block.get(port) == value & (1 << bits) - 1
    block.set("narrow", 5)
    assert block.get("narrow_too") == 5


def test_streams_and_cycles(cache):
    block = Block(Sample(), cache=cache)
    payloads = [1 << 71, (1 << 40) + 3, 0xFFFF_FFFF]
    assert block.send("words", payloads, LIMIT) == 6
    assert block.get("total") == sum(payloads)
    assert block.cycles == 6
    block.tick(4)
    assert block.cycles == 10
    assert block.get("total") == sum(payloads)


def test_waiting(cache):
    block = Block(Sample(), cache=cache)
    block.set("words__payload", 1)
    block.set("words__valid", 1)
    assert block.until("four", LIMIT) == 8
    assert block.until("four", LIMIT) == 0
    assert block.cycles == 8


def test_what_does_not_happen_raises(cache):
    block = Block(Sample(), cache=cache)
    with pytest.raises(TimeoutError, match="four stayed low for 100 cycles"):
        block.until("four", LIMIT)
    assert block.cycles == LIMIT
    with pytest.raises(TimeoutError, match="words took no payload for 1 cycles"):
        block.send("words", [1], 1)
    assert block.cycles == LIMIT + 1


def test_what_ports_show_while_a_strobe_is_high_is_recorded(cache):
    block = Block(Sample(), cache=cache)
    block.set("words__payload", 1)
    block.set("words__valid", 1)
    block.set("wide", (5 << 100) + 7)
    block.tick(3)
    block.watch("four", ["total", "narrow", "wide_too"])
    assert block.recorded() == []
    block.until("four", LIMIT)
    block.set("narrow", 3)
    block.tick(1)
    block.set("narrow", 6)
    block.tick(4)
    assert block.recorded() == [(4, 3, (5 << 100) + 7), (4, 6, (5 << 100) + 7)]
    assert block.recorded() == []
    block.tick(16)
    assert block.recorded() == [(12, 6, (5 << 100) + 7)] * 2


def test_waiting_and_sending_record_too(cache):
    block = Block(Sample(), cache=cache)
    block.watch("words__ready", ["total"])
    block.send("words", [10, 20, 30], LIMIT)
    assert block.recorded() == [(0,), (10,), (30,)]
    block.watch("four", ["words__ready", "total"])
    block.send("words", [8, 8], LIMIT)
    assert block.recorded() == [(ready, total) for total in (60, 68) for ready in (0, 1)]


def test_two_blocks_do_not_share_state(cache):
    first = Block(Sample(), cache=cache)
    first.send("words", [7], LIMIT)
    second, third = Block(Sample(), cache=cache), first.fresh()
    assert [block.get("total") for block in (first, second, third)] == [7, 0, 0]
    assert [block.cycles for block in (first, second, third)] == [2, 0, 0]


def test_a_block_is_compiled_once_for_its_content(cache, monkeypatch):
    Block(Sample(), cache=cache)
    monkeypatch.setattr(module, "_compile", lambda work, runtime: pytest.fail("compiled again"))
    Block(Sample(), cache=cache)
    with pytest.raises(BaseException, match="compiled again"):
        Block(Sample(start=1), cache=cache)


def test_what_an_interrupted_compilation_left_is_not_used(cache, monkeypatch):
    begun = []

    def interrupted(work, _runtime):
        assert not list(work.glob("ports.json"))
        (work / "ports.json").write_text("{}")
        begun.append(work)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_compile", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            Block(Sample(start=3), cache=cache)
    assert len(begun) == 2


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "missing_tools", lambda: ["make (make)"])
    with pytest.raises(InputError, match=r"A block is compiled with make \(make\): install what is missing"):
        Block(Sample(), cache=tmp_path)


def test_a_tool_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAKE", ("false",))
    with pytest.raises(InputError, match=r"false failed with status 1; its output is in .*log"):
        Block(Sample(), cache=tmp_path)
