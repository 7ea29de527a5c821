from dataclasses import dataclass, replace
from pathlib import Path

import comtrade
import numpy as np
import pytest

from sim.recordings import read_recording

RATE = 4000


@dataclass(frozen=True)
class Fault:
    """A recording of three voltages, three currents, a neutral voltage and 17 status channels."""

    form: str = "ASCII"
    revision: str = "1999"
    station: str = "Substation"
    flag: str = "S"
    rates: tuple[tuple[float, int], ...] = ((RATE, 400), (1000, 500))
    timemult: float = 1.0
    stamps: bool = True

    @property
    def records(self) -> int:
        return self.rates[-1][1]

    def times(self) -> np.ndarray:
        steps = np.concatenate([np.full(last, 1 / (rate or RATE)) for rate, last in self.rates])[
            : self.records
        ]
        bounds = [0, *(last for _, last in self.rates)]
        for (rate, _), first, last in zip(self.rates, bounds[:-1], bounds[1:], strict=True):
            steps[first:last] = 1 / (rate or RATE)
        return np.concatenate([[0], np.cumsum(steps[1:])])

    def codes(self) -> np.ndarray:
        angle = 100 * np.pi * self.times()
        volts = [np.rint(9000 * np.sin(angle - k * 2 * np.pi / 3)) for k in range(3)]
        amperes = [np.rint(500 * np.sin(angle - k * 2 * np.pi / 3 - 0.4)) for k in range(3)]
        return np.array([*volts, np.full(angle.size, 3.0), *amperes])

    def cfg(self) -> str:
        lines = [f"{self.station},1" + ("" if self.revision == "1991" else f",{self.revision}"), "24,7A,17D"]
        for n, (phase, name) in enumerate(zip("ABCN", ("Ua", "Ub", "Uc", "3U0"), strict=True), 1):
            lines.append(f"{n},Bus {name},{phase},,V,0.01,0.5,0,-32767,32767,220000,100,{self.flag}")
        for n, phase in enumerate("CAB", 5):
            lines.append(f"{n},Line I{phase},{phase},,A,0.002,0,0,-32767,32767,1600,5,{self.flag}")
        lines += [f"{n},trip {n},,,0" for n in range(1, 18)]
        lines += ["50", str(len(self.rates) if self.rates[0][0] else 0)]
        lines += [f"{rate:g},{last}" for rate, last in self.rates]
        lines += ["12/05/2023,19:45:26.539616", "12/05/2023,19:45:26.619616", self.form]
        if self.revision != "1991":
            lines.append(f"{self.timemult:g}")
        return "\r\n".join(lines) + "\r\n"

    def dat(self) -> bytes:
        stamps = np.rint(self.times() * 1e6 / self.timemult).astype(int)
        codes = self.codes()[[0, 1, 2, 3, 6, 4, 5]]
        if self.form == "ASCII":
            rows = []
            for k in range(self.records):
                stamp = str(stamps[k]) if self.stamps else ""
                rows.append(",".join([str(k + 1), stamp, *(f"{c:.0f}" for c in codes[:, k]), *"01" * 8, "0"]))
            return ("\r\n".join(rows) + "\r\n").encode()
        kind = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}[self.form]
        table = np.zeros(
            self.records, dtype=[("n", "<u4"), ("t", "<u4"), ("a", kind, (7,)), ("d", "<u2", (2,))]
        )
        table["n"] = np.arange(1, self.records + 1)
        table["t"] = stamps if self.stamps else 0xFFFFFFFF
        table["a"] = codes.T
        table["d"] = 0x5555
        return table.tobytes()

    def write(self, folder: Path, name: str = "f", encoding: str = "utf-8") -> Path:
        (folder / f"{name}.cfg").write_bytes(self.cfg().encode(encoding))
        (folder / f"{name}.dat").write_bytes(self.dat())
        return folder / f"{name}.cfg"


FORMS = ("ASCII", "BINARY", "BINARY32", "FLOAT32")


@pytest.mark.parametrize("revision", ["1991", "1999", "2013"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(tmp_path, form, revision):
    fault = Fault(form, revision)
    path = fault.write(tmp_path)
    recording = read_recording(path, segment=1)
    assert recording.voltage_names == ("Bus Ua", "Bus Ub", "Bus Uc")
    assert recording.current_names == ("Line IA", "Line IB", "Line IC")
    assert recording.rate_hz == RATE
    codes = fault.codes()[:, :400]
    np.testing.assert_allclose(recording.voltage_v, codes[:3] * 0.01 + 0.5, rtol=1e-12)
    np.testing.assert_allclose(recording.current_a, codes[4:] * 0.002, rtol=1e-12)

    other = comtrade.load(str(path), use_numpy_arrays=True, use_double_precision=True)
    np.testing.assert_allclose(recording.voltage_v, np.array(other.analog[:3])[:, :400], rtol=1e-12)


def test_the_other_file_of_the_pair_and_capitals(tmp_path):
    path = Fault().write(tmp_path)
    path = path.rename(tmp_path / "f.CFG")
    (tmp_path / "f.dat").rename(tmp_path / "f.DAT")
    assert read_recording(path, segment=1).samples == 400
    assert read_recording(tmp_path / "f.DAT", segment=2).rate_hz == 1000


@pytest.mark.parametrize("form", FORMS)
def test_one_file(tmp_path, form):
    fault = Fault(form)
    data = fault.dat()
    head = f"--- file type: CFG ---\r\n{fault.cfg()}"
    head += "--- file type: INF ---\r\n--- file type: HDR ---\r\nhello\r\n"
    count = "" if form == "ASCII" else f": {len(data)}"
    path = tmp_path / "f.cff"
    path.write_bytes(head.encode() + f"--- file type: DAT {form}{count} ---\r\n".encode() + data)
    pair = read_recording(fault.write(tmp_path), segment=1)
    np.testing.assert_array_equal(read_recording(path, segment=1).voltage_v, pair.voltage_v)


def test_names_in_gbk(tmp_path):
    path = Fault(station="220kV线路故障录波").write(tmp_path, encoding="gbk")
    assert "names: f.cfg is read as GBK text" in read_recording(path, segment=1).notes


def test_transformer_scale(tmp_path, refused):
    path = Fault().write(tmp_path)
    written = read_recording(path, segment=1)
    assert "scale: values as written, in V; flag 'S' and ratio 220000:100 are not applied" in written.notes
    primary = read_recording(path, segment=1, scale="primary")
    np.testing.assert_allclose(primary.voltage_v, 2200 * written.voltage_v)
    np.testing.assert_allclose(primary.current_a, 320 * written.current_a)
    assert "scale: times 320 for primary values (flag 'S', ratio 1600:5)" in primary.notes
    np.testing.assert_array_equal(
        read_recording(path, segment=1, scale="secondary").voltage_v, written.voltage_v
    )
    Fault(flag="P").write(tmp_path)
    secondary = read_recording(path, segment=1, scale="secondary")
    np.testing.assert_allclose(secondary.voltage_v, written.voltage_v / 2200)
    Fault(flag="X").write(tmp_path)
    refused(
        path,
        "f.cfg: flag 'X' and ratio 220000:100 of channel 1 'Bus Ua' tell no primary value; "
        "use the values as written",
        segment=1,
        scale="primary",
    )


@pytest.mark.parametrize("form", FORMS)
def test_rate_from_time_stamps_alone(tmp_path, form):
    path = Fault(form, rates=((0, 400),), timemult=2.0).write(tmp_path)
    assert read_recording(path).rate_hz == pytest.approx(RATE, rel=1e-9)


def test_rate_without_time_stamps(tmp_path):
    for form in FORMS:
        assert read_recording(Fault(form, stamps=False).write(tmp_path), segment=1).rate_hz == RATE


def test_a_skew_is_reported(tmp_path):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("0.01,0.5,0,", "0.01,0.5,12.5,"))
    notes = read_recording(path, segment=1).notes
    assert any("a skew of 12.5 µs is not corrected" in note for note in notes)


LISTING = "1: 4000 samples per second, records 1 to 400; 2: 1000 samples per second, records 401 to 500"


@pytest.mark.parametrize(
    ("unit", "factor"), [("kv", 1e3), ("KV", 1e3), ("kV", 1e3), ("mV", 1e-3), ("v", 1.0), ("", 1.0)]
)
def test_the_stated_unit_of_a_named_channel(tmp_path, unit, factor):
    path = Fault().write(tmp_path)

    def volts_of(path):
        return read_recording(path, voltage="Bus Ua", current="Line IA", segment=1).voltage_v

    volts = volts_of(path)
    path.write_text(path.read_text().replace("Ua,A,,V,", f"Ua,A,,{unit},"))
    np.testing.assert_allclose(volts_of(path), factor * volts, rtol=1e-12)


@pytest.mark.parametrize("unit", ["W", "VAr", "na", "Mv", "%"])
def test_a_named_channel_of_another_unit(tmp_path, refused, unit):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("Ua,A,,V,", f"Ua,A,,{unit},"))
    for option, role, other in (("voltage", "voltage", "current"), ("current", "current", "voltage")):
        refused(
            path,
            f"f.cfg: --{option} names channel 1 'Bus Ua' [{unit}], which is no {role}, as its unit is {unit}",
            segment=1,
            **{option: "Bus Ua", other: "6" if other == "current" else "2"},
        )


def test_segments(tmp_path, refused):
    path = Fault().write(tmp_path)
    refused(path, f"f.cfg: its rate changes; choose a segment with --segment ({LISTING})")
    refused(path, f"f.cfg: has no segment 3; there are {LISTING}", segment=3)
    refused(path, f"f.cfg: has no segment 0; there are {LISTING}", segment=0)
    Fault(rates=((RATE, 400), (200, 500))).write(tmp_path)
    refused(
        path,
        "f.cfg: the rate of the segment is 200 samples per second, too slow for mains; "
        "at least 1000 are needed",
        segment=2,
    )
    Fault(rates=((RATE, 400), (1000, 300))).write(tmp_path)
    refused(
        path,
        "f.cfg: a rate lasts to record 300, but starts at record 401; the last records must rise",
        segment=1,
    )


@pytest.mark.parametrize(("kept", "lost"), [(".cfg", ".dat"), (".dat", ".cfg")])
def test_one_of_the_pair_is_missing(tmp_path, refused, kept, lost):
    path = Fault().write(tmp_path)
    path.with_suffix(lost).unlink()
    refused(
        path.with_suffix(kept),
        f"f{kept}: its pair f{lost} is not in the same folder; COMTRADE needs the .cfg and the .dat file",
    )


@pytest.mark.parametrize("part", [".cfg", ".dat"])
def test_an_empty_part(tmp_path, refused, part):
    path = Fault().write(tmp_path)
    path.with_suffix(part).write_bytes(b"")
    other = path.with_suffix(".dat" if part == ".cfg" else ".cfg")
    refused(other, f"f{part}: is empty; a COMTRADE recording needs its configuration and its data", segment=1)


def test_cut_data(tmp_path, refused):
    path = Fault("BINARY").write(tmp_path)
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:-13])
    refused(
        path,
        "f.dat: has 12987 bytes, 499.5 records of 26 bytes, where f.cfg states 500 records; it was cut",
        segment=1,
    )
    Fault("BINARY", rates=((RATE, 501),)).write(tmp_path, "longer")
    dat.write_bytes((tmp_path / "longer.dat").read_bytes())
    refused(
        path,
        "f.dat: has 13026 bytes, 501 records of 26 bytes, where f.cfg states 500 records; "
        "it belongs to another configuration",
        segment=1,
    )
    path = Fault().write(tmp_path)
    lines = dat.read_bytes().split(b"\r\n")
    dat.write_bytes(b"\r\n".join(lines[:300]))
    refused(path, "f.dat: has 300 lines where f.cfg states 500 records; it was cut", segment=1)
    dat.write_bytes(b"\r\n".join([*lines[:399], b"400,99750,1,2", *lines[400:]]))
    refused(path, "f.dat: line 400 has 4 cells where 26 are needed; the file was cut there", segment=1)


@pytest.mark.parametrize("form", FORMS)
def test_the_end_of_file_mark_is_no_data(tmp_path, form):
    path = Fault(form).write(tmp_path)
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes() + b"\x1a")
    assert read_recording(path, segment=1).samples == 400


def test_wrong_values(tmp_path, refused):
    path = Fault().write(tmp_path)
    dat = path.with_suffix(".dat")
    lines = dat.read_text().split("\n")
    for cell, sentence in (
        ("x", "f.cfg: in f.dat, line 8 has 'x' in column 'Bus Ua', where a number is needed"),
        ("99999", "f.cfg: record 8 has nan in channel 'Bus Ua'; every sample must be a finite number"),
    ):
        cells = lines[7].split(",")
        cells[2] = cell
        dat.write_text("\n".join([*lines[:7], ",".join(cells), *lines[8:]]))
        refused(path, sentence, segment=1)
    dat.write_text("\n".join([*lines[:7], lines[8], lines[7], *lines[9:]]))
    refused(
        path,
        "f.dat: record 8 is numbered 9 and the one before it 7; the numbers must rise by one",
        segment=1,
    )


@pytest.mark.parametrize(("form", "missing"), [("BINARY", -32768), ("BINARY32", -(2**31))])
def test_missing_binary_values(tmp_path, refused, form, missing):
    path = Fault(form).write(tmp_path)
    dat = path.with_suffix(".dat")
    size = 2 if form == "BINARY" else 4
    raw = bytearray(dat.read_bytes())
    raw[8 : 8 + size] = missing.to_bytes(size, "little", signed=True)
    dat.write_bytes(raw)
    refused(
        path,
        "f.cfg: record 1 has nan in channel 'Bus Ua'; every sample must be a finite number",
        segment=1,
    )


@pytest.mark.parametrize(
    ("multiplier", "offset"), [("nan", "0"), ("inf", "0"), ("0", "0"), ("1", "nan"), ("1", "-inf")]
)
def test_factors_that_are_none(tmp_path, refused, multiplier, offset):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("Ua,A,,V,0.01,0.5,", f"Ua,A,,V,{multiplier},{offset},"))
    refused(
        path,
        f"f.cfg: channel 1 'Bus Ua' has the multiplier {multiplier} and the offset {offset}; "
        "the multiplier must be a finite number other than 0, the offset a finite one",
        segment=1,
    )
    others = read_recording(path, voltage="Bus Ub", current="Line IB", segment=1)
    assert others.voltage_names == ("Bus Ub",)


def test_a_factor_beyond_all_mains(tmp_path, refused):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("Ua,A,,V,0.01,0.5,", "Ua,A,,V,1e308,0,"))
    refused(
        path,
        "f.cfg: record 2 has 706 in channel 'Bus Ua', inf V at a scale of 1e+308; it must be at most 1e+12 V",
        segment=1,
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 0.0, -1.0])
def test_factors_of_the_time_stamps_that_are_none(tmp_path, refused, form, factor):
    path = Fault(form, stamps=True).write(tmp_path)
    path.write_text(path.read_text().replace(f"{form}\n1\n", f"{form}\n{factor:g}\n"))
    refused(
        path,
        f"f.cfg: its factor of the time stamps is {factor:g}; it must be a positive finite number",
        segment=1,
    )


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        ("1e308", "f.dat: the time at record 2 is 2.5e+304 s; it must be a number, at most 1e+12 s"),
        (
            "1e-310",
            "f.dat: the times from record 1 on rise by 2.5e-314 s a sample; at least 1e-12 s are needed",
        ),
    ],
)
def test_factors_of_the_time_stamps_that_are_absurd(tmp_path, refused, factor, sentence):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("ASCII\n1\n", f"ASCII\n{factor}\n"))
    refused(path, sentence, segment=1)


def test_wrong_rates(tmp_path, refused):
    path = Fault().write(tmp_path)
    path.write_text(path.read_text().replace("4000,400", "4100,400"))
    refused(
        path,
        "f.cfg: states 4100 samples per second, but the time stamps of f.dat rise as at 4000; "
        "both must agree within 0.1%",
        segment=1,
    )
    Fault(rates=((0, 400),), stamps=False).write(tmp_path)
    refused(
        path,
        "f.cfg: states no rate, and not every record of f.dat has a time stamp; one of both is needed",
    )


def test_channels_are_chosen_by_name_or_number(tmp_path, refused):
    path = Fault().write(tmp_path)
    one = read_recording(path, voltage="bus ub", current="5", segment=1)
    assert (one.voltage_names, one.current_names) == (("Bus Ub",), ("Line IC",))
    refused(
        path,
        "f.cfg: 3 channels could be the current of 1 phase; choose with --current: "
        "5 'Line IC' [A], 6 'Line IA' [A], 7 'Line IB' [A]",
        voltage="1",
        segment=1,
    )
    refused(
        path,
        "f.cfg: --voltage names channel 6 'Line IA' [A], which is no voltage",
        voltage="6",
        current="5",
        segment=1,
    )


@pytest.mark.parametrize("form", FORMS)
def test_damage_never_shows_a_traceback(tmp_path, survives, form):
    path = replace(Fault(form), rates=((RATE, 220),)).write(tmp_path)
    assert survives(path, seed=4, flips=200) > 40
    assert survives(path.with_suffix(".dat"), seed=5) > 40
