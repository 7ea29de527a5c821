"""Vectors in the text form of NIST's CAVP (``.rsp``) and of RFCs written alike.

A file is lines ``name = value``; a vector ends where a name comes again. Lines in brackets begin a group.
What a vector is for is seen from the names of its fields.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from sim.vectors.cases import (
    Case,
    Cmac,
    Ecdh,
    EcdsaSign,
    EcdsaVerify,
    Gcm,
    Hash,
    HashChain,
    Hkdf,
    Hmac,
    KeyAgreement,
    KeyPair,
    NotBuiltIn,
    Place,
    Point,
    PublicKey,
    Result,
    Signature,
    Skipped,
    Ways,
    Wrap,
)
from sim.vectors.common import aes_key, digest_name, need_p256, not_built_in
from sim.vectors.fields import Fields

__all__ = ["read_cavp"]

_BITS = 8
_DIGEST_BYTES = 32
_HASHES = re.compile(r"SHA-?\d[-\d/]*|SHAKE\d+|SM3|BLAKE2\w*|Keccak", re.IGNORECASE)
_FAIL = "FAIL"  # a line of its own, in place of the plaintext
_COUNTERS = ("COUNT", "Count")
_KAS_CURVES = {"EA": "P-192", "EB": "P-224", "EC": "P-256", "ED": "P-384", "EE": "P-521"}


@dataclass(frozen=True)
class _Record:
    """A vector before it is understood: its lines, the headers above, and the file's opening comment."""

    line: int
    fields: dict[str, str]
    headers: tuple[str, ...]
    preamble: str

    def before(self, first: str, second: str) -> bool:
        """Whether one field stands above the other."""
        names = list(self.fields)
        return first in names and names.index(first) < names.index(second)


def read_cavp(text: str, file: str) -> Iterator[Case | Skipped]:
    """The vectors of a file.

    Parameters
    ----------
    text : str
        The whole file.
    file : str
        What the user calls it.

    Raises
    ------
    InputError
        If a vector is of no known kind, or a field is missing or wrong.
    """
    last_digest: str | None = None
    for number, record in enumerate(_records(text, file), 1):
        fields = Fields(record.fields, f"{file}: line {record.line}")
        kind = _kind(tuple(record.fields))
        if kind is None:
            names = ", ".join(record.fields)
            raise fields.wrong(
                f"a vector of {names} is of no known kind", "docs/vectors.md lists what is read"
            )
        if last_digest is not None:
            record.fields.setdefault("Seed", last_digest)  # of a Monte Carlo result, which goes on from there
        last_digest = record.fields.get("MD")
        counter = next((f"{name} = {record.fields[name]}" for name in _COUNTERS if name in fields), "")
        place = Place(file=file, group=", ".join(record.headers), number=number, name=counter)
        try:
            yield kind.read(record, fields, place)
        except NotBuiltIn as lack:
            yield Skipped(place=place, reason=str(lack), block=kind.block, kind=kind.name)


def _records(text: str, file: str) -> Iterator[_Record]:
    headers: list[str] = []
    preamble: list[str] = []
    fields: dict[str, str] = {}
    begun = header_above = False
    start = 0

    def record() -> _Record:
        return _Record(start, fields, tuple(headers), " ".join(preamble))

    for number, line in enumerate((line.strip() for line in text.splitlines()), 1):
        if line.startswith("#"):
            if not begun:
                preamble.append(line)
                headers = []  # what stands above a comment at the file's head describes the file
        elif line.startswith("["):
            if fields:
                yield record()
                fields = {}
            headers = [*(headers if header_above else []), line.strip("[] ")]
            header_above = True
        elif "=" in line or line == _FAIL:
            name, _, value = line.partition("=")
            name = name.rstrip()
            if name in fields:
                yield record()
                fields = {}
            if not fields:
                start = number
            fields[name] = value.lstrip()
            begun, header_above = True, False
        elif line:
            raise Fields({}, f"{file}: line {number}").wrong(f"'{line[:40]}' is no 'name = value'")
    if fields:
        yield record()


def _cut(fields: Fields, name: str, bits: int) -> bytes:
    """The first ``bits`` of a message, which has a byte even if it is empty."""
    message = fields.octets(name)
    if bits % _BITS:
        raise not_built_in("a message that is no whole number of bytes")
    if bits // _BITS > len(message):
        raise fields.wrong(f"'{name}' has {len(message)} bytes, which are less than {bits} bits")
    return message[: bits // _BITS]


def _sha256(record: _Record, fields: Fields, of: str) -> bytes:
    """What SHA-256 gives, going by its length and by what the file's first comment tells."""
    digest = fields.octets("MD")
    if len(digest) != _DIGEST_BYTES:
        raise not_built_in(f"{of} of {len(digest)} bytes")
    named = _HASHES.search(record.preamble)
    if named and named[0] not in ("SHA-256", "SHA256"):
        raise not_built_in(f"{of} by {named[0]}")
    return digest


def _hash(record: _Record, fields: Fields, place: Place) -> Case:
    digest = _sha256(record, fields, "a digest")
    return Hash(place=place, message=_cut(fields, "Msg", fields.number("Len")), digest=digest)


def _chain(record: _Record, fields: Fields, place: Place) -> Case:
    return HashChain(place=place, seed=fields.octets("Seed"), digest=_sha256(record, fields, "a digest"))


def _hmac_of_rfc(record: _Record, fields: Fields, place: Place) -> Case:
    tag = _sha256(record, fields, "HMAC with a digest")
    message = _cut(fields, "Msg", fields.number("Len"))
    return Hmac(place=place, key=fields.octets("Key"), message=message, tag=tag)


def _hmac(record: _Record, fields: Fields, place: Place) -> Case:
    lengths = [header.partition("=")[2].strip() for header in record.headers if header.startswith("L")]
    if not lengths:
        raise fields.wrong("there is no group of a digest's length above it, such as [L=32]")
    if lengths != [str(_DIGEST_BYTES)]:
        raise not_built_in(f"HMAC with a digest of {lengths[0]} bytes")
    return Hmac(place=place, key=fields.octets("Key"), message=fields.octets("Msg"), tag=fields.octets("Mac"))


def _hkdf(_record: _Record, fields: Fields, place: Place) -> Case:
    if fields.text("Hash") != "SHA-256":
        raise not_built_in(f"HKDF with {fields.text('Hash')}")
    return Hkdf(
        place=place,
        ikm=fields.octets("IKM"),
        salt=fields.octets("salt"),
        info=fields.octets("info"),
        length=fields.number("L"),
        okm=fields.octets("OKM"),
    )


def _cmac_of_sp800_38b(_record: _Record, fields: Fields, place: Place) -> Case:
    if "KEY1" in fields:
        raise not_built_in("CMAC with triple DES")
    key = aes_key(fields, "KEY")
    return Cmac(place=place, key=key, message=fields.octets("MESSAGE"), tag=fields.octets("OUTPUT"))


def _cmac(_record: _Record, fields: Fields, place: Place) -> Case:
    if "Key" not in fields:
        raise not_built_in("CMAC with triple DES")
    key = aes_key(fields, "Key")
    message = _cut(fields, "Msg", _BITS * fields.number("Mlen"))
    tag = fields.octets("Mac")
    return Cmac(place=place, result=_result(fields), key=key, message=message, tag=tag)


def _gcm(record: _Record, fields: Fields, place: Place) -> Case:
    key = aes_key(fields, "Key")
    fails = _FAIL in fields
    return Gcm(
        place=place,
        result=Result.INVALID if fails else Result.VALID,
        key=key,
        iv=fields.octets("IV"),
        aad=fields.octets("AAD"),
        plaintext=None if fails else fields.octets("PT"),
        ciphertext=fields.octets("CT"),
        tag=fields.octets("Tag"),
        ways=Ways.SEAL if record.before("PT", "CT") else Ways.OPEN,
    )


def _wrap(record: _Record, fields: Fields, place: Place) -> Case:
    if "KWP" in record.preamble:
        raise not_built_in("key wrap with padding")
    if "TKW" in record.preamble or "TDEA" in record.preamble:
        raise not_built_in("key wrap with triple DES")
    if "inverse cipher" in record.preamble:
        raise not_built_in("key wrap with the inverse cipher")
    key = aes_key(fields, "K")
    fails = _FAIL in fields
    return Wrap(
        place=place,
        result=Result.INVALID if fails else Result.VALID,
        key=key,
        plaintext=None if fails else fields.octets("P"),
        wrapped=fields.octets("C"),
        ways=Ways.SEAL if record.before("P", "C") else Ways.OPEN,
    )


def _result(fields: Fields) -> Result:
    """Passed or failed, as the field ``Result`` says, if there is one."""
    if "Result" not in fields:
        return Result.VALID
    first = fields.text("Result")[:1]
    if first not in ("P", "F"):
        raise fields.wrong(f"'Result' is '{fields.text('Result')}', where P or F is needed")
    return Result.VALID if first == "P" else Result.INVALID


def _digest_on_p256(record: _Record, fields: Fields) -> str:
    """The digest of a group such as ``[P-256,SHA-256]``; without one, SHA-1, of FIPS 186-2.

    Skips other curves.
    """
    header = next((header for header in record.headers if header[:2] in ("P-", "K-", "B-")), "")
    curve, comma, digest = (part.strip() for part in header.partition(","))
    if not curve:
        raise fields.wrong("there is no group of a curve above it, such as [P-256]")
    need_p256(curve)
    return digest_name(digest if comma else "SHA-1")


def _point(fields: Fields, x: str, y: str) -> Point:
    return Point(fields.integer(x), fields.integer(y))


def _sign(record: _Record, fields: Fields, place: Place) -> Case:
    return EcdsaSign(
        place=place,
        digest_name=_digest_on_p256(record, fields),
        private=fields.integer("d"),
        public=_point(fields, "Qx", "Qy"),
        message=fields.octets("Msg"),
    )


def _verify(record: _Record, fields: Fields, place: Place) -> Case:
    return EcdsaVerify(
        place=place,
        digest_name=_digest_on_p256(record, fields),
        result=_result(fields),
        public=_point(fields, "Qx", "Qy"),
        message=fields.octets("Msg"),
        signature=Signature(fields.integer("R"), fields.integer("S")),
    )


def _public_key(record: _Record, fields: Fields, place: Place) -> Case:
    _digest_on_p256(record, fields)
    return PublicKey(place=place, result=_result(fields), public=_point(fields, "Qx", "Qy"))


def _key_pair(record: _Record, fields: Fields, place: Place) -> Case:
    _digest_on_p256(record, fields)
    return KeyPair(place=place, private=fields.integer("d"), public=_point(fields, "Qx", "Qy"))


def _ecdh(record: _Record, fields: Fields, place: Place) -> Case:
    _digest_on_p256(record, fields)
    return Ecdh(
        place=place,
        private=fields.integer("dIUT"),
        public=_point(fields, "QCAVSx", "QCAVSy"),
        shared=fields.octets("ZIUT"),
    )


def _key_agreement(record: _Record, fields: Fields, place: Place) -> Case:
    parameters, _, digest = (record.headers[-1] if record.headers else "").partition(" - ")
    if parameters not in _KAS_CURVES:
        raise fields.wrong(f"its group '{parameters}' is no parameter set and digest, such as [EC - SHA256]")
    need_p256(_KAS_CURVES[parameters])
    return KeyAgreement(
        place=place,
        result=_result(fields),
        private=fields.integer("dsIUT"),
        own=_point(fields, "QsIUTx", "QsIUTy"),
        public=_point(fields, "QsCAVSx", "QsCAVSy"),
        shared=fields.octets("CAVSHashZZ"),
        digest_name=digest_name(digest),
    )


@dataclass(frozen=True)
class _Kind:
    """Vectors that have these fields, and perhaps others: their block, algorithm and reader."""

    fields: str
    others: str
    block: str
    name: str
    read: Callable[[_Record, Fields, Place], Case]


_KINDS = (
    _Kind("Len Key Msg MD", "", "sha256", Hmac.kind, _hmac_of_rfc),
    _Kind("Len Msg MD", "", "sha256", Hash.kind, _hash),
    _Kind("COUNT MD", "Seed", "sha256", HashChain.kind, _chain),
    _Kind("IKM OKM", "COUNT Hash salt info L PRK", "sha256", Hkdf.kind, _hkdf),
    _Kind("Key Msg Mac", "Count Klen Tlen", "sha256", Hmac.kind, _hmac),
    _Kind("Mlen Msg Mac", "Count Klen Tlen Key Key1 Key2 Key3 Result", "aes", Cmac.kind, _cmac),
    _Kind("MESSAGE OUTPUT", "COUNT KEY KEY1 KEY2 KEY3", "aes", Cmac.kind, _cmac_of_sp800_38b),
    _Kind("Key IV CT Tag", f"Count AAD PT {_FAIL}", "aes", Gcm.kind, _gcm),
    _Kind("K C", f"COUNT P {_FAIL}", "aes", Wrap.kind, _wrap),
    _Kind("dIUT QCAVSx ZIUT", "COUNT QCAVSy QIUTx QIUTy", "p256", Ecdh.kind, _ecdh),
    _Kind(
        "dsIUT QsCAVSx CAVSHashZZ",
        "COUNT dsCAVS QsCAVSy QsIUTx QsIUTy Z Result",
        "p256",
        KeyAgreement.kind,
        _key_agreement,
    ),
    _Kind("Msg d Qx Qy", "k R S", "p256", EcdsaSign.kind, _sign),
    _Kind("Msg Qx Qy R S", "Result", "p256", EcdsaVerify.kind, _verify),
    _Kind("Qx Qy Result", "", "p256", PublicKey.kind, _public_key),
    _Kind("d Qx Qy", "N", "p256", KeyPair.kind, _key_pair),
)


@cache
def _kind(names: tuple[str, ...]) -> _Kind | None:
    """What a vector with these fields is for."""
    for kind in _KINDS:
        needed = set(kind.fields.split())
        if needed <= set(names) <= needed | set(kind.others.split()):
            return kind
    return None
