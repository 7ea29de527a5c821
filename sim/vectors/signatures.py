"""Signatures checked by a library that has nothing to do with the chip."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from sim.vectors.cases import Point, Signature

__all__ = ["signature_is_right"]


def signature_is_right(public: Point, digest: bytes, signature: Signature) -> bool:
    """Whether a signature of a digest of 32 bytes is right, and the key a point on P-256."""
    try:
        key = ec.EllipticCurvePublicNumbers(public.x, public.y, ec.SECP256R1()).public_key()
        encoded = utils.encode_dss_signature(*signature)
        key.verify(encoded, digest, ec.ECDSA(utils.Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True
