"""The sub-command ``vectors``: its counts, failures and JSON, and what it refuses."""

import hashlib
import hmac
import json

import pytest

from sim.vectors.engine import NotBuiltIn
from sim.vectors.engines import ENGINES
from wattseal.main import main

DIGESTS = "hashes/SHA2/SHA256ShortMsg.rsp"
BAD = 7  # bytes of the message that the flawed engine hashes wrongly


class Engine:
    """Digests as they should be."""

    def __init__(self, config):
        self.config = config

    def sha256(self, message):
        return hashlib.sha256(message).digest()

    def hmac_sha256(self, key, message):
        return hmac.digest(key, message, "sha256")

    def __getattr__(self, name):
        def missing(*given, **named):
            raise NotBuiltIn(f"{name} is not built in")

        return missing


class Flawed(Engine):
    """All but one."""

    def sha256(self, message):
        return bytes(32) if len(message) == BAD else super().sha256(message)


@pytest.fixture(autouse=True)
def command(monkeypatch):
    monkeypatch.setitem(ENGINES, "rtl", Engine)
    monkeypatch.setitem(ENGINES, "flawed", Flawed)


def last_line(text):
    return text.rstrip("\n").rpartition("\n")[2]


def test_a_file(capsys):
    assert main(["vectors", DIGESTS]) == 0
    shown = capsys.readouterr().out
    assert "Vectors: engine rtl, preset polyphase" in shown
    assert last_line(shown) == "65 passed, 0 failed, 0 skipped"


def test_a_failure_says_how_to_repeat_it(capsys, tmp_path):
    out = tmp_path / "vectors.json"
    assert main(["vectors", DIGESTS, "--engine", "flawed", "--json", str(out)]) == 1
    shown = capsys.readouterr().out
    assert f"FAILED {DIGESTS}: L = 32, number 8: SHA-256: the digest is 0000" in shown
    assert f"repeat: wattseal vectors {DIGESTS} --only 8 --engine flawed\n" in shown
    assert last_line(shown) == "64 passed, 1 failed, 0 skipped"
    written = json.loads(out.read_text())
    assert written["kinds"] == {"SHA-256": {"passed": 64, "failed": 1, "skipped": 0}}
    (failure,) = written["failures"]
    assert failure["number"] == 8
    command = failure["repeat"].split()
    assert command[0] == "wattseal"
    assert main(command[1:]) == 1
    assert last_line(capsys.readouterr().out) == "0 passed, 1 failed, 0 skipped"


def test_skipped_with_the_reason(capsys):
    assert main(["vectors", "CMAC/nist-800-38b-aes192.txt", "CMAC/nist-800-38b-aes128.txt"]) == 0
    shown = capsys.readouterr().out
    assert "4 skipped: AES-192 is not built in" in shown
    assert "4 skipped: aes_cmac is not built in" in shown
    assert last_line(shown) == "0 passed, 0 failed, 8 skipped"


def test_a_preset(capsys, tmp_path):
    """What it lacks is skipped, and the command that repeats a failure names it."""
    out = tmp_path / "vectors.json"
    files = ("CMAC/nist-800-38b-aes128.txt", DIGESTS)
    assert main(["vectors", *files, "--preset", "tiny", "--engine", "flawed", "--json", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "engine flawed, preset tiny" in shown
    assert "4 skipped: the block aes is not built in by the preset tiny" in shown
    assert last_line(shown) == "64 passed, 1 failed, 4 skipped"
    written = json.loads(out.read_text())
    assert written["preset"] == "tiny"
    assert written["failures"][0]["repeat"].endswith(" --only 8 --engine flawed --preset tiny")


def test_the_sample_of_a_block(capsys, tmp_path):
    out = tmp_path / "vectors.json"
    assert main(["vectors", "--block", "sha256", "--seed", "5", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "A sample with seed 5; --all runs every vector." in shown
    written = json.loads(out.read_text())
    assert written["seed"] == 5
    assert written["kinds"]["SHA-256"]["passed"] == 80
    assert written["kinds"]["SHA-256 Monte Carlo"]["passed"] == 1
    assert written["kinds"]["HMAC-SHA-256"]["passed"] == 6
    assert not any("AES" in kind or "EC" in kind for kind in written["kinds"])


def test_all_of_a_block(capsys):
    assert main(["vectors", "--all", "--block", "sha256"]) == 0
    shown = capsys.readouterr().out
    assert "A sample" not in shown
    assert last_line(shown) == "235 passed, 0 failed, 90 skipped"  # HKDF is none of this engine's


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.rsp",), "none.rsp: does not exist; give a file in Wycheproof JSON"),
        ((DIGESTS, "--engine", "steam"), "There is no engine 'steam'; known are"),
        ((DIGESTS, "--preset", "steam"), "There is no preset 'steam'; known are polyphase, single, tiny"),
        ((DIGESTS, "--block", "steam"), "argument --block: invalid choice: 'steam'"),
        ((DIGESTS, "--block", "aes"), "No vector is for the block aes"),
        ((DIGESTS, "--only", "99"), "has no vector 99; its vectors have the numbers 1 to 65"),
        ((DIGESTS, "--only", "x"), "argument --only: invalid int value"),
        (("--only", "1"), "--only takes a vector of one FILE, not of 0; name the file"),
        ((DIGESTS, DIGESTS, "--only", "1"), "--only takes a vector of one FILE, not of 2; name the file"),
        ((DIGESTS, "--all"), "--all is for the vectors of the packages; leave it or FILE out"),
        ((DIGESTS, "--seed", "0"), "--seed is for the vectors of the packages; leave it or FILE out"),
        (("--all", "--seed", "3"), "--seed is for a sample; leave it or --all out"),
        ((DIGESTS, "--json", "no/x.json"), "does not exist"),
    ],
)
def test_what_is_refused(capsys, arguments, sentence):
    statuses: list[object] = []
    try:
        statuses.append(main(["vectors", *arguments]))
    except SystemExit as end:  # argparse's way
        statuses.append(end.code)
    assert statuses == [2]
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert not shown.out
