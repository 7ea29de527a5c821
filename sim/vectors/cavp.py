"""Vectors in the text form of NIST's CAVP (``.rsp``) and of RFCs written alike.

A file is lines ``name = value``; a vector ends where a name comes again. Lines in brackets begin a group.
What a vector is for is seen from the names of its fields.
"""

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
    Place,
    Point,
    PublicKey,
    Result,
    Signature,
    Skipped,
    Ways,
    Wrap,
)
from sim.vectors.common import AES_192, DIGESTS, aes_key, not_built_in
from sim.vectors.fields import Fields

__all__ = ["read_cavp"]

_BITS = 8
_DIGEST_BYTES = 32
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
    seed: bytes | None = None
    for number, record in enumerate(_records(text, file), 1):
        fields = Fields(record.fields, f"{file}: line {record.line}")
        if "Seed" in fields:
            seed = fields.octets("Seed")
        kind = _kind(tuple(record.fields))
        if kind is None:
            names = ", ".join(record.fields)
            raise fields.wrong(
                f"a vector of {names} is of no known kind", "docs/vectors.md lists what is read"
            )
        counter = next((f"{name} = {record.fields[name]}" for name in _COUNTERS if name in fields), "")
        place = Place(file=file, group=", ".join(record.headers), number=number, name=counter)
        if kind.read is _chain:
            if seed is None:
                raise fields.wrong("there is no 'Seed' above the first result")
            read: Case | str = HashChain(place=place, seed=seed, digest=fields.octets("MD"))
            seed = fields.octets("MD")
        else:
            read = kind.read(record, fields, place)
        yield (
            Skipped(place=place, reason=read, block=kind.block, kind=kind.name)
            if isinstance(read, str)
            else read
        )


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


def _cut(fields: Fields, name: str, bits: int) -> bytes | None:
    """The first ``bits`` of a message, which has a byte even if it is empty; None if they are no bytes."""
    message = fields.octets(name)
    if bits % _BITS:
        return None
    if bits // _BITS > len(message):
        raise fields.wrong(f"'{name}' has {len(message)} bytes, which are less than {bits} bits")
    return message[: bits // _BITS]


_NO_BYTES = not_built_in("a message that is no whole number of bytes")


def _hash(_record: _Record, fields: Fields, place: Place) -> Case | str:
    digest = fields.octets("MD")
    if len(digest) != _DIGEST_BYTES:
        return not_built_in(f"a digest of {len(digest)} bytes")
    message = _cut(fields, "Msg", fields.number("Len"))
    return _NO_BYTES if message is None else Hash(place=place, message=message, digest=digest)


def _hmac_of_rfc(_record: _Record, fields: Fields, place: Place) -> Case | str:
    tag = fields.octets("MD")
    if len(tag) != _DIGEST_BYTES:
        return not_built_in(f"HMAC with a digest of {len(tag)} bytes")
    message = _cut(fields, "Msg", fields.number("Len"))
    return (
        _NO_BYTES
        if message is None
        else Hmac(place=place, key=fields.octets("Key"), message=message, tag=tag)
    )


def _hmac(record: _Record, fields: Fields, place: Place) -> Case | str:
    lengths = [header.partition("=")[2].strip() for header in record.headers if header.startswith("L")]
    if not lengths:
        raise fields.wrong("there is no group of a digest's length above it, such as [L=32]")
    if lengths != [str(_DIGEST_BYTES)]:
        return not_built_in(f"HMAC with a digest of {lengths[0]} bytes")
    return Hmac(place=place, key=fields.octets("Key"), message=fields.octets("Msg"), tag=fields.octets("Mac"))


def _chain(_record: _Record, _fields: Fields, _place: Place) -> Case | str:
    raise AssertionError("read_cavp reads these, as each begins where the one before ended")


def _hkdf(_record: _Record, fields: Fields, place: Place) -> Case | str:
    if DIGESTS.get(fields.text("Hash")) != "sha256":
        return not_built_in(f"HKDF with {fields.text('Hash')}")
    return Hkdf(
        place=place,
        ikm=fields.octets("IKM"),
        salt=fields.octets("salt"),
        info=fields.octets("info"),
        length=fields.number("L"),
        okm=fields.octets("OKM"),
    )


def _cmac_of_sp800_38b(_record: _Record, fields: Fields, place: Place) -> Case | str:
    if "KEY1" in fields:
        return not_built_in("CMAC with triple DES")
    key = aes_key(fields, "KEY")
    if key is None:
        return AES_192
    return Cmac(place=place, key=key, message=fields.octets("MESSAGE"), tag=fields.octets("OUTPUT"))


def _cmac(_record: _Record, fields: Fields, place: Place) -> Case | str:
    if "Key" not in fields:
        return not_built_in("CMAC with triple DES")
    key = aes_key(fields, "Key")
    if key is None:
        return AES_192
    message = _cut(fields, "Msg", _BITS * fields.number("Mlen"))
    assert message is not None
    tag = fields.octets("Mac")
    return Cmac(place=place, result=_result(fields), key=key, message=message, tag=tag)


def _gcm(record: _Record, fields: Fields, place: Place) -> Case | str:
    key = aes_key(fields, "Key")
    if key is None:
        return AES_192
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


def _wrap(record: _Record, fields: Fields, place: Place) -> Case | str:
    if "KWP" in record.preamble:
        return not_built_in("key wrap with padding")
    if "TKW" in record.preamble or "TDEA" in record.preamble:
        return not_built_in("key wrap with triple DES")
    if "inverse cipher" in record.preamble:
        return not_built_in("key wrap with the inverse cipher")
    key = aes_key(fields, "K")
    if key is None:
        return AES_192
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


def _curve(record: _Record, fields: Fields) -> tuple[str, str]:
    """Curve and digest of a group such as ``[P-256,SHA-256]``; without the latter, of FIPS 186-2: SHA-1."""
    header = next((header for header in record.headers if header[:2] in ("P-", "K-", "B-")), "")
    curve, comma, digest = (part.strip() for part in header.partition(","))
    if not curve:
        raise fields.wrong("there is no group of a curve above it, such as [P-256]")
    if not comma:
        return curve, "sha1"
    if digest not in DIGESTS:
        raise fields.wrong(
            f"the digest '{digest}' of its group is unknown", f"known are {', '.join(DIGESTS)}"
        )
    return curve, DIGESTS[digest]


def _point(fields: Fields, x: str, y: str) -> Point:
    return Point(fields.integer(x), fields.integer(y))


def _on_p256(
    read: Callable[[Fields, Place, Point, str], Case],
) -> Callable[[_Record, Fields, Place], Case | str]:
    """Skips other curves."""

    def checked(record: _Record, fields: Fields, place: Place) -> Case | str:
        curve, digest = _curve(record, fields)
        if curve != "P-256":
            return not_built_in(f"the curve {curve}")
        return read(fields, place, _point(fields, "Qx", "Qy"), digest)

    return checked


def _sign(fields: Fields, place: Place, public: Point, digest: str) -> Case:
    return EcdsaSign(
        place=place,
        private=fields.integer("d"),
        public=public,
        message=fields.octets("Msg"),
        digest_name=digest,
    )


def _verify(fields: Fields, place: Place, public: Point, digest: str) -> Case:
    return EcdsaVerify(
        place=place,
        result=_result(fields),
        public=public,
        message=fields.octets("Msg"),
        digest_name=digest,
        signature=Signature(fields.integer("R"), fields.integer("S")),
    )


def _public_key(fields: Fields, place: Place, public: Point, _digest: str) -> Case:
    return PublicKey(place=place, result=_result(fields), public=public)


def _key_pair(fields: Fields, place: Place, public: Point, _digest: str) -> Case:
    return KeyPair(place=place, private=fields.integer("d"), public=public)


def _ecdh(record: _Record, fields: Fields, place: Place) -> Case | str:
    curve, _ = _curve(record, fields)
    if curve != "P-256":
        return not_built_in(f"the curve {curve}")
    return Ecdh(
        place=place,
        private=fields.integer("dIUT"),
        public=_point(fields, "QCAVSx", "QCAVSy"),
        shared=fields.octets("ZIUT"),
    )


def _key_agreement(record: _Record, fields: Fields, place: Place) -> Case | str:
    parameters, _, digest = (record.headers[-1] if record.headers else "").partition(" - ")
    curve = _KAS_CURVES.get(parameters)
    if curve is None or digest not in DIGESTS:
        raise fields.wrong(f"its group '{parameters}' is no parameter set and digest, such as [EC - SHA256]")
    if curve != "P-256":
        return not_built_in(f"the curve {curve}")
    return KeyAgreement(
        place=place,
        result=_result(fields),
        private=fields.integer("dsIUT"),
        own=_point(fields, "QsIUTx", "QsIUTy"),
        public=_point(fields, "QsCAVSx", "QsCAVSy"),
        shared=fields.octets("CAVSHashZZ"),
        digest_name=DIGESTS[digest],
    )


@dataclass(frozen=True)
class _Kind:
    """Vectors that have these fields: the block that they are for, what they are called, and their reader."""

    fields: tuple[str, ...]
    block: str
    name: str
    read: Callable[[_Record, Fields, Place], Case | str]


_KINDS = (
    _Kind(("Len", "Key", "Msg", "MD"), "sha256", Hmac.kind, _hmac_of_rfc),
    _Kind(("Len", "Msg", "MD"), "sha256", Hash.kind, _hash),
    _Kind(("COUNT", "MD"), "sha256", HashChain.kind, _chain),
    _Kind(("IKM", "OKM"), "sha256", Hkdf.kind, _hkdf),
    _Kind(("Mlen", "Msg", "Mac"), "aes", Cmac.kind, _cmac),
    _Kind(("Key", "Msg", "Mac"), "sha256", Hmac.kind, _hmac),
    _Kind(("MESSAGE", "OUTPUT"), "aes", Cmac.kind, _cmac_of_sp800_38b),
    _Kind(("Key", "IV", "CT", "Tag"), "aes", Gcm.kind, _gcm),
    _Kind(("K", "C"), "aes", Wrap.kind, _wrap),
    _Kind(("dIUT", "QCAVSx", "ZIUT"), "p256", Ecdh.kind, _ecdh),
    _Kind(("dsIUT", "QsCAVSx", "CAVSHashZZ"), "p256", KeyAgreement.kind, _key_agreement),
    _Kind(("Msg", "d", "Qx", "Qy"), "p256", EcdsaSign.kind, _on_p256(_sign)),
    _Kind(("Msg", "Qx", "Qy", "R", "S"), "p256", EcdsaVerify.kind, _on_p256(_verify)),
    _Kind(("Qx", "Qy", "Result"), "p256", PublicKey.kind, _on_p256(_public_key)),
    _Kind(("d", "Qx", "Qy"), "p256", KeyPair.kind, _on_p256(_key_pair)),
)
"""The first that fits counts."""


@cache
def _kind(names: tuple[str, ...]) -> _Kind | None:
    """What a vector with these fields is for."""
    return next((kind for kind in _KINDS if set(kind.fields) <= set(names)), None)
