"""Vectors in Wycheproof's JSON, in the older schema and in v1."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sim.vectors.cases import (
    Case,
    Cmac,
    Ecdh,
    EcdsaVerify,
    Gcm,
    Hkdf,
    Hmac,
    NotBuiltIn,
    Place,
    Point,
    Result,
    Skipped,
    Ways,
    Wrap,
)
from sim.vectors.common import aes_key, digest_name, need_p256, not_built_in
from sim.vectors.der import key_of_der, point_of_bytes, signature_of_bytes, signature_of_der
from sim.vectors.fields import Fields

__all__ = ["read_wycheproof"]

_BITS = 8


@dataclass(frozen=True)
class _Kind:
    """Vectors of one algorithm: the block that they are for, what they are called, and their reader."""

    block: str
    name: str
    read: Callable[[Fields, Fields, Place, Result], Case]


def read_wycheproof(document: dict[str, Any], file: str) -> Iterator[Case | Skipped]:
    """The vectors of a file.

    Parameters
    ----------
    document : dict
        The file's JSON.
    file : str
        What the user calls it.

    Raises
    ------
    InputError
        If the algorithm is none of the chip's, or a field is missing or wrong.
    """
    top = Fields(document, file)
    algorithm = top.text("algorithm")
    for index, entry in enumerate(top.parts("testGroups"), 1):
        name = f"group {index}"
        if not isinstance(entry, dict):
            raise top.wrong(f"{name} is no object")
        group = Fields(entry, f"{file}: {name}")
        kind = _KINDS.get((algorithm, group.text("type")))
        if kind is None:
            known = ", ".join(sorted({algorithm for algorithm, _ in _KINDS}))
            raise group.wrong(
                f"'{algorithm}' with tests of the type '{group.text('type')}' is nothing that the chip has",
                f"known are {known}",
            )
        for test in group.parts("tests"):
            if not isinstance(test, dict):
                raise group.wrong("a test is no object")
            number = Fields(test, group.where).number("tcId")
            yield _case(
                kind,
                group,
                Fields(test, f"{file}: tcId {number}"),
                Place(file=file, group=name, number=number),
            )


def _case(kind: _Kind, group: Fields, test: Fields, place: Place) -> Case | Skipped:
    try:
        result = Result(test.text("result"))
    except ValueError:
        raise test.wrong(
            f"the result '{test.text('result')}' is none of valid, invalid and acceptable"
        ) from None
    try:
        return kind.read(group, test, place, result)
    except NotBuiltIn as lack:
        return Skipped(place=place, reason=str(lack), block=kind.block, kind=kind.name)


def _tag(test: Fields, group: Fields) -> bytes:
    """The expected tag, which is empty where the key is of no size and no tag exists."""
    tag = test.octets("tag")
    if tag and len(tag) * _BITS != group.number("tagSize"):
        raise test.wrong(
            f"'tag' has {len(tag)} bytes, and the group's tagSize is {group.number('tagSize')} bits"
        )
    return tag


def _gcm(group: Fields, test: Fields, place: Place, result: Result) -> Case:
    return Gcm(
        place=place,
        result=result,
        key=aes_key(test, "key"),
        iv=test.octets("iv"),
        aad=test.octets("aad"),
        plaintext=test.octets("msg"),
        ciphertext=test.octets("ct"),
        tag=_tag(test, group),
        ways=Ways.BOTH,
    )


def _cmac(group: Fields, test: Fields, place: Place, result: Result) -> Case:
    return Cmac(
        place=place,
        result=result,
        key=aes_key(test, "key"),
        message=test.octets("msg"),
        tag=_tag(test, group),
    )


def _hmac(group: Fields, test: Fields, place: Place, result: Result) -> Case:
    return Hmac(
        place=place, result=result, key=test.octets("key"), message=test.octets("msg"), tag=_tag(test, group)
    )


def _hkdf(_group: Fields, test: Fields, place: Place, result: Result) -> Case:
    return Hkdf(
        place=place,
        result=result,
        ikm=test.octets("ikm"),
        salt=test.octets("salt"),
        info=test.octets("info"),
        length=test.number("size"),
        okm=test.octets("okm"),
    )


def _wrap(_group: Fields, test: Fields, place: Place, result: Result) -> Case:
    return Wrap(
        place=place,
        result=result,
        key=aes_key(test, "key"),
        plaintext=test.octets("msg"),
        wrapped=test.octets("ct"),
        ways=Ways.BOTH,
    )


def _padded_wrap(_group: Fields, _test: Fields, _place: Place, _result: Result) -> Case:
    raise not_built_in("key wrap with padding")


def _ecdsa(read_signature: Callable[[bytes], Any]) -> Callable[[Fields, Fields, Place, Result], Case]:
    def read(group: Fields, test: Fields, place: Place, result: Result) -> Case:
        key = group.part("publicKey" if "publicKey" in group else "key")
        need_p256(key.text("curve"))
        return EcdsaVerify(
            place=place,
            result=result,
            public=Point(key.integer("wx"), key.integer("wy")),
            message=test.octets("msg"),
            digest_name=digest_name(group.text("sha")),
            signature=read_signature(test.octets("sig")),
        )

    return read


def _ecdh(read_key: Callable[[bytes], Any]) -> Callable[[Fields, Fields, Place, Result], Case]:
    def read(group: Fields, test: Fields, place: Place, result: Result) -> Case:
        need_p256(group.text("curve"))
        return Ecdh(
            place=place,
            result=result,
            private=test.integer("private"),
            public=read_key(test.octets("public")),
            shared=test.octets("shared"),
        )

    return read


def _other_form(_group: Fields, _test: Fields, _place: Place, _result: Result) -> Case:
    raise NotBuiltIn("public keys are read as DER and as points, not as PEM or JWK, which carry the same")


_GCM = _Kind("aes", Gcm.kind, _gcm)
_CMAC = _Kind("aes", Cmac.kind, _cmac)
_HMAC = _Kind("sha256", Hmac.kind, _hmac)
_WRAP = _Kind("aes", Wrap.kind, _wrap)
_PADDED = _Kind("aes", "AES key wrap with padding", _padded_wrap)

_KINDS = {
    ("AES-GCM", "AeadTest"): _GCM,
    ("AES-CMAC", "MacTest"): _CMAC,
    ("HMACSHA256", "MacTest"): _HMAC,
    ("HKDF-SHA-256", "HkdfTest"): _Kind("sha256", Hkdf.kind, _hkdf),
    ("KW", "KeywrapTest"): _WRAP,
    ("AES-WRAP", "KeywrapTest"): _WRAP,
    ("KWP", "KeywrapTest"): _PADDED,
    ("AES-KWP", "KeywrapTest"): _PADDED,
    ("ECDSA", "EcdsaVerify"): _Kind("p256", EcdsaVerify.kind, _ecdsa(signature_of_der)),
    ("ECDSA", "EcdsaP1363Verify"): _Kind("p256", EcdsaVerify.kind, _ecdsa(signature_of_bytes)),
    ("ECDH", "EcdhTest"): _Kind("p256", Ecdh.kind, _ecdh(key_of_der)),
    ("ECDH", "EcdhEcpointTest"): _Kind("p256", Ecdh.kind, _ecdh(point_of_bytes)),
    ("ECDH", "EcdhPemTest"): _Kind("p256", Ecdh.kind, _other_form),
    ("ECDH", "EcdhWebcryptoTest"): _Kind("p256", Ecdh.kind, _other_form),
}
"""Algorithm and type of the tests, in the words of both schemas."""
