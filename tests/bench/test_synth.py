"""What a block costs out of context, on a block whose cost is known."""

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bench.synth import synthesise
from soc.errors import InputError


class Sample(wiring.Component):
    """A register of 24 bits behind XOR gates."""

    def __init__(self):
        super().__init__({"data": In(24), "invert": In(1), "value": Out(24)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.value.eq(self.data ^ self.invert.replicate(24))
        return m


@pytest.mark.parametrize("device", ["ice40-up5k", "ecp5-25f"])
def test_the_wrapper_is_not_counted(device, tmp_path):
    used = synthesise(Sample(), name="sample", device=device, folder=tmp_path)
    assert (used.ff, used.dsp, used.ebr) == (24, 0, 0)
    assert 24 <= used.lut4 <= 26  # nextpnr adds a cell or two for constants
    assert used.mhz > 20
    assert (tmp_path / "sample.report.json").exists()


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="There is no device 'ecp6' to synthesise for; known are ecp5-25f"):
        synthesise(Sample(), name="sample", device="ecp6")


def test_a_missing_tool_is_named(monkeypatch):
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    with pytest.raises(InputError, match="YOSYS must name an executable file, not 'no-such-yosys'"):
        synthesise(Sample(), name="sample")


def test_a_tool_that_fails_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("YOSYS", "false")
    with pytest.raises(InputError, match="false failed with status 1"):
        synthesise(Sample(), name="sample", folder=tmp_path)
