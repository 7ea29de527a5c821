"""Which format a file has, and files that cannot be used."""

import json

import pytest

from sim.vectors import read_vectors
from sim.vectors.cases import Hash, Hmac
from soc.errors import InputError

CAVP = "[L = 32]\n\nLen = 0\nMsg = 00\nMD = " + "00" * 32
ACVP_TEST = {"tcId": 1, "msg": "", "len": 0, "md": "00" * 32}
ACVP = {"algorithm": "SHA2-256", "testGroups": [{"tgId": 1, "testType": "AFT", "tests": [ACVP_TEST]}]}
WYCHEPROOF_TEST = {"tcId": 1, "key": "", "msg": "", "tag": "00" * 32, "result": "valid"}
WYCHEPROOF_GROUP = {"type": "MacTest", "tagSize": 256, "tests": [WYCHEPROOF_TEST]}
WYCHEPROOF = {"algorithm": "HMACSHA256", "testGroups": [WYCHEPROOF_GROUP]}


@pytest.mark.parametrize(
    ("text", "kind"),
    [(CAVP, Hash), ("# comment\n" + CAVP, Hash), (json.dumps(ACVP), Hash), (json.dumps(WYCHEPROOF), Hmac)],
)
@pytest.mark.parametrize("name", ["vectors.rsp", "no suffix"])
def test_the_content_tells_the_format(tmp_path, text, kind, name):
    path = tmp_path / name
    path.write_text(text)
    (vector,) = read_vectors(str(path))
    assert isinstance(vector, kind)
    assert vector.place.file == str(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is in no known format; give a file in Wycheproof JSON, NIST CAVP .rsp and ACVP JSON."),
        (b"nothing of the kind", "is in no known format"),
        (b"\xff\xfe", "is no text"),
        (b'{"testGroups": [', "line 1, column 17: is broken JSON"),
        (b"[" * 100_000, "JSON"),
        (b"{}", "is JSON without 'testGroups'"),
        (b"[1, 2]", "is JSON without 'testGroups'"),
        (b'{"testGroups": {}}', "is JSON without 'testGroups'"),
        (b'{"testGroups": []}', "there is no 'algorithm'"),
        (b'{"algorithm": "AES-GCM", "testGroups": []}', "holds no vectors"),
        (b"# key = value\n[L = 32]\n", "holds no vectors"),
    ],
)
def test_what_is_refused(tmp_path, content, sentence):
    path = tmp_path / "vectors.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        read_vectors(str(path))
    assert str(refusal.value).startswith(f"{path}: ")
    assert sentence in str(refusal.value)


def test_what_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is a folder; give a file"):
        read_vectors(str(tmp_path))
    with pytest.raises(InputError, match="does not exist; give a file"):
        read_vectors(str(tmp_path / "none"))


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(InputError, match="which is missing; run pip install cryptography-vectors"):
        read_vectors("HMAC/rfc-4231-sha256.txt")
