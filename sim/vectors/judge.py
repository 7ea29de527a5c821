"""A vector put to an engine, and what is wrong with the answer."""

import hashlib
from collections.abc import Callable
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
    Hkdf,
    Hmac,
    KeyAgreement,
    KeyPair,
    Point,
    PublicKey,
    Result,
    Unreadable,
    Ways,
    Wrap,
)
from sim.vectors.engine import Engine, Refused, Sealed
from sim.vectors.signatures import signature_is_right

__all__ = ["CHAIN", "complaint"]

CHAIN = 1000
"""Messages of a Monte Carlo result."""
_BYTES = 32  # of a digest, coordinate or scalar
_SHOWN = 40  # hex digits in a sentence


def complaint(case: Case, engine: Engine) -> str | None:
    """What is wrong with the engine's answer to a vector, or None.

    A valid vector must give what it says. An invalid one must be refused, or where something is computed
    anyway, must not give what it says. An acceptable one may be refused, but not answered wrongly.

    Raises
    ------
    NotBuiltIn, TimeoutError
        As the engine does.
    """
    return _JUDGES[type(case)](case, engine)


def _answer(case: Case, what: str, got: bytes | Refused, expected: bytes) -> str | None:
    """A complaint about a computed byte string."""
    if isinstance(got, Refused):
        return f"{what} is refused: {got.reason}" if case.result is Result.VALID else None
    if case.result is Result.INVALID:
        return f"{what} is {_hex(got)}, which is invalid" if got == expected else None
    return None if got == expected else f"{what} is {_hex(got)}, not {_hex(expected)}"


def _opened(case: Case, got: bytes | Refused, expected: bytes | None) -> str | None:
    """A complaint about what was opened, which must not be if it is invalid, whatever comes out."""
    if case.result is Result.INVALID and not isinstance(got, Refused):
        return f"it is accepted and gives {_hex(got)}, where it must be refused"
    return _answer(case, "the plaintext", got, b"" if expected is None else expected)


def _accepted(case: Case, got: bool | Refused) -> str | None:
    """A complaint about acceptance or refusal."""
    if got is True:
        return "it is accepted, where it must be refused" if case.result is Result.INVALID else None
    reason = got.reason if isinstance(got, Refused) else "found wrong"
    return f"it is refused: {reason}" if case.result is Result.VALID else None


def _hex(data: bytes) -> str:
    text = data.hex() or "empty"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(data)} bytes)"


def _hash(case: Hash, engine: Engine) -> str | None:
    return _answer(case, "the digest", engine.sha256(case.message), case.digest)


def _hash_chain(case: HashChain, engine: Engine) -> str | None:
    digests = [case.seed] * 3
    for _ in range(CHAIN):
        digests = [*digests[1:], engine.sha256(b"".join(digests))]
    return _answer(case, "the last digest", digests[-1], case.digest)


def _hmac(case: Hmac, engine: Engine) -> str | None:
    tag = engine.hmac_sha256(case.key, case.message)
    return _answer(case, "the tag", tag[: len(case.tag)], case.tag)


def _hkdf(case: Hkdf, engine: Engine) -> str | None:
    got = engine.hkdf_sha256(ikm=case.ikm, salt=case.salt, info=case.info, length=case.length)
    return (
        _opened(case, got, case.okm)
        if case.result is Result.INVALID
        else _answer(case, "the key", got, case.okm)
    )


def _cmac(case: Cmac, engine: Engine) -> str | None:
    tag = engine.aes_cmac(case.key, case.message)
    return _answer(case, "the tag", tag if isinstance(tag, Refused) else tag[: len(case.tag)], case.tag)


def _gcm(case: Gcm, engine: Engine) -> str | None:
    wrong = None
    if Ways.SEAL in case.ways and case.plaintext is not None:
        sealed = engine.aes_gcm_encrypt(
            key=case.key, iv=case.iv, aad=case.aad, plaintext=case.plaintext, tag_bytes=len(case.tag)
        )
        joined = b"".join(sealed) if isinstance(sealed, Sealed) else sealed
        wrong = _answer(case, "ciphertext with tag", joined, case.ciphertext + case.tag)
    if Ways.OPEN in case.ways and not wrong:
        opened = engine.aes_gcm_decrypt(
            key=case.key, iv=case.iv, aad=case.aad, ciphertext=case.ciphertext, tag=case.tag
        )
        wrong = _opened(case, opened, case.plaintext)
    return wrong


def _wrap(case: Wrap, engine: Engine) -> str | None:
    wrong = None
    if Ways.SEAL in case.ways and case.plaintext is not None:
        wrong = _answer(case, "the wrapped key", engine.aes_wrap(case.key, case.plaintext), case.wrapped)
    if Ways.OPEN in case.ways and not wrong:
        wrong = _opened(case, engine.aes_unwrap(case.key, case.wrapped), case.plaintext)
    return wrong


def _digest(engine: Engine, name: str, message: bytes) -> bytes:
    """What is signed (FIPS 186-5, 6.4): the first 32 bytes of a digest, or a shorter one behind zeros."""
    whole = engine.sha256(message) if name == "sha256" else hashlib.new(name, message).digest()
    return whole[:_BYTES].rjust(_BYTES, b"\0")


def _too_long(*values: int) -> Refused | None:
    """Numbers that the chip's words cannot hold are refused before they get there."""
    return Refused("a number has more than 256 bits") if max(values) >> 8 * _BYTES else None


def _verify(case: EcdsaVerify, engine: Engine) -> str | None:
    if isinstance(case.signature, Unreadable):
        return _accepted(case, Refused(case.signature.reason))
    if refused := _too_long(*case.public, *case.signature):
        return _accepted(case, refused)
    digest = _digest(engine, case.digest_name, case.message)
    return _accepted(case, engine.ecdsa_verify(case.public, digest, case.signature))


def _sign(case: EcdsaSign, engine: Engine) -> str | None:
    digest = _digest(engine, case.digest_name, case.message)
    signature = _too_long(case.private, *case.public) or engine.ecdsa_sign(case.private, digest)
    if isinstance(signature, Refused):
        return f"signing is refused: {signature.reason}"
    if not signature_is_right(case.public, digest, signature):
        return f"the signature r = {signature.r:x}, s = {signature.s:x} is wrong"
    return None


def _key_pair(case: KeyPair, engine: Engine) -> str | None:
    public = _too_long(case.private, *case.public) or engine.p256_public(case.private)
    if isinstance(public, Refused):
        return f"the private key is refused: {public.reason}"
    return _answer(case, "the public key", _joined(public), _joined(case.public))


def _joined(public: Point) -> bytes:
    return b"".join(value.to_bytes(_BYTES, "big") for value in public)


def _public_key(case: PublicKey, engine: Engine) -> str | None:
    """Once a point is the point itself, if it is one."""
    got = _too_long(*case.public) or engine.ecdh(1, case.public)
    if case.result is Result.INVALID:
        return _opened(case, got, None)
    if isinstance(got, Refused):
        return f"the public key is refused: {got.reason}"
    return _answer(case, "1 · Q", got, case.public.x.to_bytes(_BYTES, "big"))


def _ecdh(case: Ecdh, engine: Engine) -> str | None:
    if isinstance(case.public, Unreadable):
        return _accepted(case, Refused(case.public.reason))
    got = _too_long(case.private, *case.public) or engine.ecdh(case.private, case.public)
    if case.result is Result.INVALID:
        return _opened(case, got, None)
    return _answer(case, "the shared secret", got, case.shared)


def _key_agreement(case: KeyAgreement, engine: Engine) -> str | None:
    """Accepted if the key pair is one, and the peer's key gives the secret, which a valid vector must be."""
    if refused := _too_long(case.private, *case.own, *case.public):
        return _accepted(case, refused)
    own = engine.p256_public(case.private)
    if own != case.own:
        reason = own.reason if isinstance(own, Refused) else "the public key is not that of the private one"
        return _accepted(case, Refused(reason))
    secret = engine.ecdh(case.private, case.public)
    if isinstance(secret, Refused):
        return _accepted(case, secret)
    if case.digest_name is not None:
        secret = (
            engine.sha256(secret)
            if case.digest_name == "sha256"
            else hashlib.new(case.digest_name, secret).digest()
        )
    return _accepted(case, secret == case.shared or Refused("the shared secret is another one"))


_JUDGES: dict[type[Case], Callable[[Any, Engine], str | None]] = {
    Hash: _hash,
    HashChain: _hash_chain,
    Hmac: _hmac,
    Hkdf: _hkdf,
    Gcm: _gcm,
    Cmac: _cmac,
    Wrap: _wrap,
    EcdsaVerify: _verify,
    EcdsaSign: _sign,
    KeyPair: _key_pair,
    PublicKey: _public_key,
    Ecdh: _ecdh,
    KeyAgreement: _key_agreement,
}
