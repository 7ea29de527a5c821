"""The sub-command ``entropy``: its files, tables and pictures, and what it refuses."""

import json
import os
import threading
import tty
from binascii import crc_hqx
from dataclasses import replace

import numpy as np
import pytest

from bench.entropy_rings import build_rings
from rtl.entropy.jitter import REFERENCE
from sim.entropy_assessment import LEAST_BITS, assess
from sim.ring_jitter import Conditions, RingJitter, raw_bits
from soc.formats.bridge import BRIDGE, Operation, Status
from soc.generated.registers import entropy
from sw.app.drivers.entropy import IDENTIFICATION, VERSION
from wattseal import entropy_assess, entropy_board, entropy_capture, entropy_rings
from wattseal.entropy_cutoffs import probability
from wattseal.main import main

COUNT = 8000


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def refused(capsys, *arguments):
    """The one sentence on standard error with which the command refuses the arguments."""
    status: object
    try:
        status = main(["entropy", *map(str, arguments)])
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2, captured.err
    lines = [line for line in captured.err.splitlines() if not line.endswith("…")]
    assert len(lines) == 1, captured.err
    return lines[0]


def capture(path, *options, bits=COUNT):
    assert main(["entropy", "capture", "--bits", str(bits), "--out", str(path), *options]) == 0
    return path.read_bytes()


def test_captures_the_models_bits_packed(tmp_path, capsys):
    packed = capture(tmp_path / "raw.bin")
    expected = raw_bits(RingJitter(REFERENCE, seed=1).samples(COUNT))
    assert [packed[place // 8] >> 7 - place % 8 & 1 for place in range(COUNT)] == expected.tolist()
    assert "Written:" in capsys.readouterr().out
    assert packed == capture(tmp_path / "again.bin", "--seed", "1")
    assert packed != capture(tmp_path / "other.bin", "--seed", "2")


def test_every_option_reaches_the_model(tmp_path):
    options = {"jitter": 0.9, "stage": 650.0, "banks": 2, "divider": 32, "clock": 40e6}
    conditions = Conditions(
        celsius=60.0, drift_ppm=1.5, flicker_ppm=20.0, lock_hz=4e7, lock_strength=0.01, stuck=(0, 7)
    )
    arguments = [f"--{name}={value:g}" for name, value in options.items()]
    arguments += ["--celsius=60", "--drift=1.5", "--flicker=20", "--lock-hz=4e7", "--lock-strength=0.01"]
    packed = capture(tmp_path / "raw.bin", *arguments, "--stuck", "0,7", "--seed", "9", bits=1024)
    model = replace(REFERENCE, jitter_ps=0.9, stage_ps=650.0, banks=2, divider=32, clock_hz=40e6)
    expected = raw_bits(RingJitter(model, seed=9, conditions=conditions).samples(1024))
    assert packed == np.packbits(expected).tobytes()


def test_a_long_capture_is_that_of_the_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(entropy_capture, "_PIECE", 1000)
    assert (
        capture(tmp_path / "raw.bin")
        == np.packbits(raw_bits(RingJitter(REFERENCE, seed=1).samples(COUNT))).tobytes()
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--bits", "12"), "--bits must be 8 to 100000000 and a multiple of 8, not 12."),
        (("--bits", "0"), "--bits must be 8 to 100000000 and a multiple of 8, not 0."),
        (("--bits", "many"), "argument --bits: invalid int value: 'many'"),
        (("--jitter", "0"), "--jitter: must be a number from 1e-06 to 1000, not '0'"),
        (("--banks", "0"), "--banks: must be a whole number from 1 to 64, not '0'"),
        (("--banks", "100000000"), "--banks: must be a whole number from 1 to 64, not '100000000'"),
        (("--banks", "many"), "--banks: must be a whole number from 1 to 64, not 'many'"),
        (("--divider", "-3"), "--divider: must be a whole number from 1 to 16777216, not '-3'"),
        (("--divider", "9" * 400), "--divider: must be a whole number from 1 to 16777216, not '999"),
        (("--divider", "9" * 5000), "--divider: must be a whole number from 1 to 16777216, not '999"),
        (("--seed", "-1"), "--seed must be 0 or more, not -1."),
        (("--celsius", "-300"), "Temperature must be above"),
        (("--lock-strength", "0.1"), "--lock-strength does nothing without --lock-hz; give both or none."),
        (("--lock-hz", "4e7"), "--lock-hz does nothing without --lock-strength; give both or none."),
        (("--stuck", "0,32"), "--stuck must be numbers of rings from 0 to 31, as 0,1,5, not '0,32'."),
        (("--stuck", "a"), "--stuck must be numbers of rings from 0 to 31"),
        (("--source", "dice"), "invalid choice: 'dice'"),
        (("--source", "board"), "--source board needs --port, the serial device of the board."),
        (("--port", "/dev/ttyUSB0"), "--port does not go with --source model; leave it out."),
        (("--board", "ulx3s-85f"), "--board does not go with --source model; leave it out."),
        (("--out", "no/raw.bin"), "does not exist"),
    ],
)
def test_capture_refuses(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    defaults = {"--bits": "8", "--out": "raw.bin"} | dict([arguments])
    assert sentence in refused(capsys, "capture", *[part for pair in defaults.items() for part in pair])
    assert list(tmp_path.iterdir()) == []


class FakeBoard:
    """A board at the end of a pseudo-terminal: its bridge, and what of the entropy block capturing needs.

    ``level`` is how many words there are at a time; ``outcome`` how operations end, ``closing`` how
    `close_raw` does; with ``shut``, raw bits are never let out.
    """

    def __init__(
        self, bits, *, level=32, outcome="success", closing=None, shut=False, version=VERSION, cut=None
    ):
        self.words = iter(np.packbits(bits).view(">u4").tolist())
        self.level, self.outcome, self.version, self.cut = level, outcome, version, cut
        self.closing, self.shut = closing or outcome, shut
        self.operations = []
        self._end, far = os.openpty()
        tty.setraw(far)
        self.port = os.ttyname(far)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                head = self._take(2)
                operation, count = Operation(head[1] >> 4), (head[1] & 15) + 1
                body = self._take(4 + (4 * count if operation is Operation.WRITE else 0) + 2)
            except OSError:
                return
            address = 4 * int.from_bytes(body[:4], "little")
            words = []
            if operation is Operation.WRITE and address == entropy.operate.address:
                self.operations.append(int.from_bytes(body[4:8], "little"))
            elif operation is Operation.READ:
                words = [self._read(address + 4 * index) for index in range(count)]
            elif operation is Operation.INTERRUPTS:
                words = [1 << entropy.interrupt]
            answer = bytes([Status.OK << 4 | operation, len(words) or count])
            answer += b"".join(word.to_bytes(4, "little") for word in words)
            frame = bytes([BRIDGE.response_sync]) + answer
            frame += crc_hqx(answer, BRIDGE.crc_initial).to_bytes(2, "big")
            os.write(self._end, frame[: self.cut])

    def _take(self, count):
        taken = b""
        while len(taken) < count:
            taken += os.read(self._end, count - len(taken))
        return taken

    def _read(self, address):
        if entropy.raw.address <= address < entropy.raw.address + 4 * entropy.raw.words:
            return next(self.words)
        level = entropy.raw_level.pack(words=self.level, open=int(not self.shut))
        outcomes = entropy.status.fields["outcome"].codes
        closed = self.operations[-1:] == [entropy.operate.fields["operation"].codes["close_raw"]]
        return {
            entropy.identification.address: int.from_bytes(IDENTIFICATION.encode(), "big"),
            entropy.version.address: self.version,
            entropy.status.address: entropy.status.pack(
                outcome=outcomes[self.closing if closed else self.outcome]
            ),
            entropy.raw_level.address: level,
        }.get(address, 0)


def test_captures_a_boards_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(entropy_capture, "_PIECE", 1024)
    bits = raw_bits(RingJitter(REFERENCE, seed=3).samples(3200))
    fake = FakeBoard(bits, level=7)
    packed = capture(tmp_path / "raw.bin", "--source", "board", "--port", fake.port, bits=3000)
    assert packed == np.packbits(bits[:3000]).tobytes()
    codes = entropy.operate.fields["operation"].codes
    assert fake.operations == [codes["open_raw"], codes["close_raw"]]


def test_a_source_that_fails_after_the_capture_is_a_warning(tmp_path, capsys):
    bits = raw_bits(RingJitter(REFERENCE, seed=3).samples(320))
    fake = FakeBoard(bits, closing="failed")
    packed = capture(tmp_path / "raw.bin", "--source", "board", "--port", fake.port, bits=320)
    assert packed == np.packbits(bits).tobytes()
    shown = capsys.readouterr()
    assert "Written:" in shown.out
    assert [line for line in shown.err.splitlines() if not line.endswith("…")] == [
        f"wattseal: {fake.port}: all raw bits were captured, but after that a test of the source of "
        "randomness has failed."
    ]


def test_a_board_that_closes_meanwhile_is_told_to_close(tmp_path, capsys):
    fake = FakeBoard(np.zeros(64, np.uint8), closing="failed", shut=True)
    out = tmp_path / "raw.bin"
    found = refused(capsys, "capture", "--bits", "8", "--out", out, "--source", "board", "--port", fake.port)
    assert found == (
        f"wattseal: {fake.port}: the board stopped giving raw bits: raw bits are not let out; capture again."
    )
    assert not out.exists()
    codes = entropy.operate.fields["operation"].codes
    assert fake.operations == [codes["open_raw"], codes["close_raw"]]


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        (
            {"outcome": "lifecycle"},
            "no raw bits: not in this lifecycle state; build it with --lifecycle manufacturing.",
        ),
        ({"version": 99}, "expected ENTR version 1 at 0x2400, not 'ENTR' version 99; is "),
        ({"cut": 2}, "No response of the bridge starts with 53"),
        ({"cut": 0}, "The board does not answer; is Radiona ULX3S, ECP5-85F there"),
    ],
)
def test_a_board_that_gives_no_bits_is_a_sentence(tmp_path, capsys, monkeypatch, faults, sentence):
    monkeypatch.setattr(entropy_board, "_ANSWER_S", 0.2)
    fake = FakeBoard(np.zeros(64, np.uint8), **faults)
    out = tmp_path / "raw.bin"
    options = ("--bits", "8", "--out", out, "--source", "board", "--port", fake.port)
    found = refused(capsys, "capture", *options)
    assert found.startswith(f"wattseal: {fake.port}: ")
    assert sentence in found
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--port", "/dev/nothing"), "/dev/nothing: cannot be opened"),
        (("--port", "/dev/null"), "/dev/null: cannot be opened"),
        (("--port", "/dev/null", "--board", "abacus"), "There is no board 'abacus'"),
        (("--port", "/dev/null", "--jitter", "2"), "--jitter does not go with --source board; leave it out."),
    ],
)
def test_no_board(tmp_path, capsys, options, sentence):
    out = tmp_path / "raw.bin"
    assert sentence in refused(capsys, "capture", "--bits", "8", "--out", out, "--source", "board", *options)


def test_assesses_a_file(tmp_path, capsys):
    bits = raw_bits(RingJitter(REFERENCE, seed=1).samples(COUNT))
    raw, out, plot = tmp_path / "raw.bin", tmp_path / "raw.json", tmp_path / "raw.svg"
    capture(raw)
    capsys.readouterr()
    assert main(["entropy", "assess", str(raw), "--json", str(out), "--plot", str(plot)]) == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    estimates = assess(bits)
    assert written["bits"] == COUNT
    assert written["ones"] == bits.sum()
    assert written["enough"] is False
    assert [each["min_entropy"] for each in written["estimates"]] == [each.min_entropy for each in estimates]
    least = min(each.min_entropy for each in estimates)
    assert written["min_entropy"] == least
    shown = capsys.readouterr().out
    for each in estimates:
        assert f"{each.name} " in shown
        assert f"{each.min_entropy:.4f}" in shown
    assert "8,000 bits are fewer than the 1,000,000 that the standard asks for" in shown
    assert "No test of independence was made" in shown
    assert "The restart tests (3.1.4) were not made" in shown
    picture = plot.read_text(encoding="utf-8")
    for title in ("Autocorrelation", "Runs", "Share of ones", "row by row"):
        assert title in picture


def test_assesses_the_first_bits(tmp_path, capsys):
    capture(tmp_path / "raw.bin", bits=16_000)
    out = tmp_path / "raw.json"
    assert main(["entropy", "assess", str(tmp_path / "raw.bin"), "--bits", "8000", "--json", str(out)]) == 0
    expected = assess(raw_bits(RingJitter(REFERENCE, seed=1).samples(8000)))
    assert json.loads(out.read_text(encoding="utf-8"))["min_entropy"] == min(e.min_entropy for e in expected)


def test_enough_bits_are_not_warned_of(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(entropy_assess, "STANDARD_BITS", COUNT)
    capture(tmp_path / "raw.bin")
    assert main(["entropy", "assess", str(tmp_path / "raw.bin")]) == 0
    assert "fewer than" not in capsys.readouterr().out


def test_constant_bits_are_drawn_too(tmp_path):
    (tmp_path / "raw.bin").write_bytes(bytes(1000))
    plot = tmp_path / "raw.PNG"
    assert main(["entropy", "assess", str(tmp_path / "raw.bin"), "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing.bin",), "missing.bin: cannot be read (No such file or directory)"),
        (("/dev/zero",), "/dev/zero: is no ordinary file; give a file of raw bits."),
        (("/dev/zero", "--bits", "8000"), "/dev/zero: is no ordinary file; give a file of raw bits."),
        (("folder",), "folder: cannot be read (Is a directory)"),
        (("short.bin",), f"short.bin: has 80 bits, and {LEAST_BITS} are needed; capture more."),
        (("raw.bin", "--bits", "9000"), "--bits must be 7000 to 8000 for raw.bin, not 9000."),
        (("raw.bin", "--bits", "8"), "--bits must be 7000 to 8000 for raw.bin, not 8."),
        (("raw.bin", "--plot", "raw.pdf"), "raw.pdf: a plot is .svg or .png"),
        (("raw.bin", "--plot", "no/raw.svg"), "does not exist"),
        (("raw.bin", "--json", "raw.bin"), "raw.bin: is given twice"),
        (("raw.bin", "--json", "same.svg", "--plot", "same.svg"), "same.svg: is given twice"),
    ],
)
def test_assess_refuses(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.bin").write_bytes(bytes(1000))
    (tmp_path / "short.bin").write_bytes(bytes(10))
    (tmp_path / "folder").mkdir()
    assert sentence in refused(capsys, "assess", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "raw.bin", "short.bin"]


def test_a_file_that_is_too_long_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(entropy_assess, "MOST_BITS", 7992)
    (tmp_path / "raw.bin").write_bytes(bytes(1000))
    assert "has more than 7992 bits; give --bits" in refused(capsys, "assess", tmp_path / "raw.bin")
    assert main(["entropy", "assess", str(tmp_path / "raw.bin"), "--bits", "7000"]) == 0


@pytest.mark.parametrize(
    ("h", "alpha", "repetition", "proportion"),
    [("0.5", "2^-30", 61, 810), ("0.5", "2^-40", 81, 824), ("1", "2**-20", 21, 589)],
)
def test_cutoffs_are_those_of_the_table(capsys, h, alpha, repetition, proportion):
    assert main(["entropy", "cutoffs", "--h", h, "--alpha", alpha]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any("Repetition count" in row and f" {repetition} " in row for row in rows)
    assert any("Adaptive proportion, 1024 bits" in row and f" {proportion} " in row for row in rows)


def test_another_window(capsys):
    assert main(["entropy", "cutoffs", "--h", "0.5", "--alpha", "2^-30", "--window", "512"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any("Adaptive proportion, 512 bits" in row and " 422 " in row for row in rows)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--h", "0"), "--h: must be a number from 0.01 to 1, not '0'"),
        (("--h", "1e-300"), "--h: must be a number from 0.01 to 1, not '1e-300'"),
        (("--h", "1.5"), "--h: must be a number from 0.01 to 1, not '1.5'"),
        (("--h", "nan"), "--h: must be a number from 0.01 to 1, not 'nan'"),
        (("--h", "half"), "--h: must be a number from 0.01 to 1, not 'half'"),
        (("--alpha", "2^-200"), "Probability of a false alarm is from 2^-128 to 0.5"),
        (("--alpha", "0.9"), "Probability of a false alarm is from 2^-128 to 0.5"),
        (("--alpha", "0"), "must be above 0 and below 1, as 2^-30 or 1e-9, not '0'"),
        (("--alpha", "2^30"), "must be above 0 and below 1"),
        (("--alpha", "2^-99999"), "must be above 0 and below 1"),
        (("--alpha", "small"), "must be above 0 and below 1"),
        (("--window", "1"), "--window: must be a whole number from 2 to 4096, not '1'"),
        (("--window", "65536"), "--window: must be a whole number from 2 to 4096, not '65536'"),
        (("--window", "16"), "A window of 16 bits is too short"),
    ],
)
def test_cutoffs_refuse(capsys, arguments, sentence):
    assert sentence in refused(capsys, "cutoffs", *arguments)


def test_a_probability_is_a_number_or_a_power_of_two():
    assert probability("2^-30") == probability("2**-30") == probability(" 2 ^ -30") == 2.0**-30
    assert probability("1e-9") == 1e-9


def test_rings_tell_what_the_model_says(tmp_path, capsys):
    plot = tmp_path / "rings.svg"
    assert main(["entropy", "rings", "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert f"{REFERENCE.min_entropy():.3f}" in shown
    assert f" {REFERENCE.needed_rings(0.5)} " in shown
    assert "312.5" in shown
    assert "Min-entropy of a raw bit" in plot.read_text(encoding="utf-8")
    assert main(["entropy", "rings", "--stage", "3000", "--clock", "12e6"]) == 0
    assert "stages of 3000 ps, sampled every 5333.33 ns" in capsys.readouterr().out


@pytest.mark.parametrize(("device", "least", "most"), [("ecp5-25f", 250, 1400), ("ice40-up5k", 1500, 6000)])
def test_rings_on_a_device(capsys, monkeypatch, device, least, most):
    found = build_rings(device)
    monkeypatch.setattr(entropy_rings, "build_rings", {device: found}.__getitem__)
    assert (found.rings, found.lut4, found.ff) == (32, sum(REFERENCE.ring_lengths), 64)
    assert least < found.least_ps <= found.mean_ps <= found.most_ps < most
    assert main(["entropy", "rings", "--device", device]) == 0
    assert f"{found.mean_ps:.0f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--plot", "rings.pdf"), "rings.pdf: a plot is .svg or .png"),
        (("--device", "abacus"), "There is no device 'abacus'; known are ecp5-25f,"),
        (("--stage", "0"), "--stage: must be a number from 1 to 100000, not '0'"),
        (("--clock", "x"), "--clock: must be a number from 1000 to 1e+09, not 'x'"),
    ],
)
def test_rings_refuse(capsys, arguments, sentence):
    assert sentence in refused(capsys, "rings", *arguments)
