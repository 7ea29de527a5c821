"""Vectors in ACVP's JSON: prompts together with the expected results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sim.vectors.cases import (
    Case,
    Cmac,
    Ecdh,
    EcdsaSign,
    EcdsaVerify,
    Gcm,
    Hash,
    HashChain,
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

__all__ = ["joined", "read_acvp"]

_BITS = 8
_NO_PRIVATE_KEY = "the private key is not in the file, as whoever is tested makes it"
_ONE_PAIR_EACH = ("ephemeralUnified", "staticUnified", "onePassDh")
"""The schemes of SP 800-56A with one secret, of one key pair of each side."""

_Read = Callable[[Fields, Place], "Case | list[Case]"]


@dataclass(frozen=True)
class _Kind:
    """Vectors of one algorithm: the block that they are for, what they are called, and their reader."""

    block: str
    name: str
    read: _Read


def joined(prompt: dict[str, Any], answers: dict[str, Any], file: str) -> dict[str, Any]:
    """A vector set whose tests have their expected results, which came in a file of their own.

    Groups and tests are matched by ``tgId`` and ``tcId``.

    Raises
    ------
    InputError
        If a list, object or identification is missing.
    """
    groups = {}
    for answer, where in _objects(Fields(answers, f"{file}: expected results"), "testGroups"):
        tests = {
            Fields(test, at).number("tcId"): test for test, at in _objects(Fields(answer, where), "tests")
        }
        groups[Fields(answer, where).number("tgId")] = ({**answer, "tests": []}, tests)
    whole = []
    for group, where in _objects(Fields(prompt, file), "testGroups"):
        answer, answered = groups.get(Fields(group, where).number("tgId"), ({}, {}))
        whole_tests = [
            {**test, **answered.get(Fields(test, at).number("tcId"), {})}
            for test, at in _objects(Fields(group, where), "tests")
        ]
        whole.append({**group, **answer, "tests": whole_tests})
    return {**prompt, "testGroups": whole}


def _objects(fields: Fields, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a list, each with its place."""
    for index, entry in enumerate(fields.parts(name), 1):
        where = f"{fields.where}, {name} {index}"
        if not isinstance(entry, dict):
            raise fields.wrong(f"entry {index} of '{name}' is no object")
        yield entry, where


def read_acvp(document: dict[str, Any], file: str) -> Iterator[Case | Skipped]:
    """The vectors of a file.

    Parameters
    ----------
    document : dict
        A vector set with its answers: an ``internalProjection.json``, or what `joined` gives.
    file : str
        What the user calls it.

    Raises
    ------
    InputError
        If the algorithm is none of the chip's, or a field is missing or wrong.
    """
    top = Fields(document, file)
    algorithm = "/".join(top.text(name) for name in ("algorithm", "mode") if name in top)
    kind = _KINDS.get(algorithm)
    if kind is None:
        known = ", ".join(_KINDS)
        raise top.wrong(f"'{algorithm}' is nothing that the chip has", f"known are {known}")
    for group, where in _objects(top, "testGroups"):
        group_number = Fields(group, where).number("tgId")
        for test, at in _objects(Fields(group, where), "tests"):
            number = Fields(test, at).number("tcId")
            fields = Fields({**group, **test}, f"{file}: tcId {number}")
            place = Place(file=file, group=f"tgId {group_number}", number=number)
            try:
                read = kind.read(fields, place)
            except NotBuiltIn as lack:
                yield Skipped(place=place, reason=str(lack), block=kind.block, kind=kind.name)
            else:
                yield from read if isinstance(read, list) else [read]


def _passed(test: Fields) -> Result:
    """Whether the test is to be passed, which goes without saying."""
    return Result.VALID if "testPassed" not in test or test.truth("testPassed") else Result.INVALID


def _ways(test: Fields) -> Ways:
    directions = {"encrypt": Ways.SEAL, "decrypt": Ways.OPEN}
    if test.text("direction") not in directions:
        raise test.wrong(f"the direction '{test.text('direction')}' is neither encrypt nor decrypt")
    return directions[test.text("direction")]


def _plaintext(test: Fields, result: Result) -> bytes | None:
    return None if result is Result.INVALID else test.octets("pt")


def _gcm(test: Fields, place: Place) -> Case:
    if "ivGen" in test and test.text("ivGen") != "external":
        raise not_built_in("an IV that the module makes")
    result = _passed(test)
    return Gcm(
        place=place,
        result=result,
        key=aes_key(test, "key"),
        iv=test.octets("iv"),
        aad=test.octets("aad"),
        plaintext=_plaintext(test, result),
        ciphertext=test.octets("ct"),
        tag=test.octets("tag"),
        ways=_ways(test),
    )


def _wrap(test: Fields, place: Place) -> Case:
    if test.text("kwCipher") != "cipher":
        raise not_built_in("key wrap with the inverse cipher")
    result = _passed(test)
    return Wrap(
        place=place,
        result=result,
        key=aes_key(test, "key"),
        plaintext=_plaintext(test, result),
        wrapped=test.octets("ct"),
        ways=_ways(test),
    )


def _padded_wrap(_test: Fields, _place: Place) -> Case:
    raise not_built_in("key wrap with padding")


def _cmac(test: Fields, place: Place) -> Case:
    return Cmac(
        place=place,
        result=_passed(test),
        key=aes_key(test, "key"),
        message=test.octets("message"),
        tag=test.octets("mac"),
    )


def _hmac(test: Fields, place: Place) -> Case:
    return Hmac(place=place, key=test.octets("key"), message=test.octets("msg"), tag=test.octets("mac"))


def _hash(test: Fields, place: Place) -> Case | list[Case]:
    kind = test.text("testType")
    if kind == "LDT":
        raise not_built_in("a message of gigabytes")
    message = test.octets("msg")
    if kind == "MCT":
        digests = [Fields(entry, where).octets("md") for entry, where in _objects(test, "resultsArray")]
        return [
            HashChain(place=place, seed=seed, digest=digest)
            for seed, digest in zip((message, *digests), digests, strict=False)
        ]
    bits = test.number("len")
    if bits % _BITS:
        raise not_built_in("a message that is no whole number of bytes")
    return Hash(place=place, message=message[: bits // _BITS], digest=test.octets("md"))


def _point(test: Fields, x: str = "qx", y: str = "qy") -> Point:
    return Point(test.integer(x), test.integer(y))


def _on_p256(read: _Read, curve: str = "curve") -> _Read:
    """Skips other curves."""

    def checked(test: Fields, place: Place) -> Case | list[Case]:
        need_p256(test.text(curve))
        return read(test, place)

    return checked


def _verify(test: Fields, place: Place) -> Case:
    if "componentTest" in test and test.truth("componentTest"):
        raise not_built_in("a digest in place of the message")
    return EcdsaVerify(
        place=place,
        result=_passed(test),
        public=_point(test),
        message=test.octets("message"),
        digest_name=digest_name(test.text("hashAlg")),
        signature=Signature(test.integer("r"), test.integer("s")),
    )


def _sign(test: Fields, place: Place) -> Case:
    if "componentTest" in test and test.truth("componentTest"):
        raise not_built_in("a digest in place of the message")
    if "d" not in test:
        raise NotBuiltIn(_NO_PRIVATE_KEY)
    return EcdsaSign(
        place=place,
        private=test.integer("d"),
        public=_point(test),
        message=test.octets("message"),
        digest_name=digest_name(test.text("hashAlg")),
    )


def _fixed_nonce(_test: Fields, _place: Place) -> Case:
    raise not_built_in("signing with a nonce that follows from the message")


def _key_pair(test: Fields, place: Place) -> Case:
    if "d" not in test:
        raise NotBuiltIn(_NO_PRIVATE_KEY)
    return KeyPair(place=place, private=test.integer("d"), public=_point(test))


def _public_key(test: Fields, place: Place) -> Case:
    return PublicKey(place=place, result=_passed(test), public=_point(test))


def _component(test: Fields, place: Place) -> Case:
    if "privateIut" not in test:
        raise NotBuiltIn(_NO_PRIVATE_KEY)
    return Ecdh(
        place=place,
        private=test.integer("privateIut"),
        public=_point(test, "publicServerX", "publicServerY"),
        shared=test.octets("z"),
    )


def _shared_secret(test: Fields, place: Place) -> Case:
    if test.text("scheme") not in _ONE_PAIR_EACH:
        raise not_built_in(f"the scheme {test.text('scheme')}")
    own = next((kind for kind in ("ephemeral", "static") if _filled(test, f"{kind}PrivateIut")), None)
    peer = next((kind for kind in ("ephemeral", "static") if _filled(test, f"{kind}PublicServerX")), None)
    if own is None:
        raise NotBuiltIn(_NO_PRIVATE_KEY)
    if peer is None:
        raise test.wrong("there is no public key of the server")
    digested = "hashFunctionZ" in test and test.text("hashFunctionZ") != "none"
    return KeyAgreement(
        place=place,
        result=_passed(test),
        private=test.integer(f"{own}PrivateIut"),
        own=_point(test, f"{own}PublicIutX", f"{own}PublicIutY"),
        public=_point(test, f"{peer}PublicServerX", f"{peer}PublicServerY"),
        shared=test.octets("hashZ" if digested else "z"),
        digest_name=digest_name(test.text("hashFunctionZ")) if digested else None,
    )


def _filled(test: Fields, name: str) -> bool:
    return name in test and bool(test.text(name))


_KINDS = {
    "ACVP-AES-GCM": _Kind("aes", Gcm.kind, _gcm),
    "CMAC-AES": _Kind("aes", Cmac.kind, _cmac),
    "ACVP-AES-KW": _Kind("aes", Wrap.kind, _wrap),
    "ACVP-AES-KWP": _Kind("aes", "AES key wrap with padding", _padded_wrap),
    "SHA2-256": _Kind("sha256", Hash.kind, _hash),
    "HMAC-SHA2-256": _Kind("sha256", Hmac.kind, _hmac),
    "ECDSA/sigVer": _Kind("p256", EcdsaVerify.kind, _on_p256(_verify)),
    "ECDSA/sigGen": _Kind("p256", EcdsaSign.kind, _on_p256(_sign)),
    "DetECDSA/sigGen": _Kind("p256", EcdsaSign.kind, _fixed_nonce),
    "ECDSA/keyGen": _Kind("p256", KeyPair.kind, _on_p256(_key_pair)),
    "ECDSA/keyVer": _Kind("p256", PublicKey.kind, _on_p256(_public_key)),
    "KAS-ECC/CDH-Component": _Kind("p256", Ecdh.kind, _on_p256(_component)),
    "KAS-ECC-SSC": _Kind(
        "p256", KeyAgreement.kind, _on_p256(_shared_secret, "domainParameterGenerationMode")
    ),
}
"""Algorithm and mode."""
