"""System information on the chip itself, and what is said when a block is another."""

import pytest

from sim.backends import backend
from soc.config import preset
from soc.generated import registers
from sw.app.drivers import sysinfo, timer
from sw.app.drivers.sysinfo import WrongBlock

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")


def everything():
    yield from sysinfo.check(registers.sysinfo, sysinfo.IDENTIFICATION, sysinfo.VERSION)
    return (
        (yield from sysinfo.name()),
        (yield from sysinfo.configuration()),
        (yield from sysinfo.sample_rate()),
    )


def test_it_tells_the_configuration():
    name, configuration, (numerator, denominator) = backend("verilator").run(CONFIG, everything).value
    assert name == "single"
    for each in ("voltage_lanes", "current_lanes", "word_bits", "application_hz", "metrology_hz"):
        assert configuration[each] == getattr(CONFIG, each)
    assert configuration["lifecycle"] == CONFIG.lifecycle.value
    assert numerator / denominator == CONFIG.sample_rate_hz


def test_another_block_is_refused():
    def wrong_name():
        yield from sysinfo.check(registers.uart_optical, "SHA2", 1)

    def wrong_version():
        yield from sysinfo.check(registers.timer, timer.IDENTIFICATION, timer.VERSION + 1)

    sentence = "uart_optical: expected SHA2 version 1 at 0x0c00, not 'UART' version 1"
    with pytest.raises(WrongBlock, match=sentence):
        backend("pysim").run(CONFIG, wrong_name)
    with pytest.raises(WrongBlock, match="timer: expected TIMR version 2 at 0x0400, not 'TIMR' version 1"):
        backend("pysim").run(CONFIG, wrong_version)
