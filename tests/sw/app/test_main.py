"""The whole firmware on the chip: it measures, and says so on the serial line."""

import numpy as np
import pytest

from rtl.metering.constants import Constants
from rtl.metering.model import MeteringModel
from sim.backends import PowerOff, backend, needs
from soc.config import preset
from soc.generated import registers
from sw.app.drivers.sysinfo import VERSION, WrongBlock
from sw.app.main import losses, main
from sw.app.ops import Read

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")


@needs("samples", "console")
def firmware():
    windows: list[dict[str, int]] = []
    try:
        yield from main(windows)
    except PowerOff:
        return windows


def test_it_measures_and_tells():
    rate = float(CONFIG.sample_rate_hz)
    times = np.arange(int(2.1 * rate) + Constants.tail_sets) / rate
    full_scale = (1 << 23) - 1
    amplitudes = np.array([0.5, 0.25, 0.0])
    waves = amplitudes * np.sin(2 * np.pi * 50.125 * times[:, None] - np.array([0, np.pi / 3, 0]))
    samples = (full_scale * waves).round().astype(np.int32)
    result = backend("verilator").run(CONFIG, firmware, samples=samples)
    model = MeteringModel(CONFIG.metering).run(samples)
    assert [window["energy_estimated"] for window in result.value] == [0] * len(model)
    for found, expected in zip(result.value, model, strict=True):
        assert {path: found[path] for path in found if path in expected} == {
            path: value for path, value in expected.items() if path in found
        }
    lines = result.console.decode().splitlines()
    assert lines[0] == "single: 1 phase"
    assert [line.split()[:2] for line in lines[1:]] == [["1", "s"], ["2", "s"]]
    for line in lines[1:]:
        _, _, frequency, _, vrms, irms, active = line.split()
        assert float(frequency) == pytest.approx(50.125, abs=1e-3)
        assert float(vrms) == pytest.approx(0.5 / 2**0.5, abs=2e-6)
        assert float(irms) == pytest.approx(0.25 / 2**0.5, abs=2e-6)
        assert float(active) == pytest.approx(0.5 * 0.25 / 2 * 0.5, abs=2e-6)


@pytest.mark.parametrize(
    ("outcome", "lost", "said"),
    [
        (0, 0, []),
        (1, 0, []),
        (2, 0, []),
        (3, 1, ["in the last power cut"]),
        (1, 1, ["in an earlier power cut"]),
    ],
)
def test_lost_energy_registers_are_told(outcome, lost, said):
    lines = losses({"outcome": outcome, "lost": lost})
    assert lines == [f"energy registers were lost {when}" for when in said]


def test_it_does_not_run_on_another_chip():
    coroutine = main()
    assert coroutine.send(None) == Read(registers.sysinfo.identification.address, 2)
    with pytest.raises(WrongBlock, match=f"sysinfo: expected SYSI version {VERSION} at 0x0000"):
        coroutine.send([0, VERSION])
