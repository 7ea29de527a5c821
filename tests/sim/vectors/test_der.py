"""Encodings of keys and signatures: the one form that is read, and the others."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sim.vectors.cases import Point, Signature, Unreadable
from sim.vectors.der import key_of_der, point_of_bytes, signature_of_bytes, signature_of_der

TOP = 1 << 255
LARGE = (1 << 256) - 1


@pytest.mark.parametrize("r", [0, 1, 127, 128, 255, 256, TOP - 1, TOP, LARGE, 1 << 256])
@pytest.mark.parametrize("s", [0, 1, 128, LARGE])
def test_signatures_in_der(r, s):
    assert signature_of_der(utils.encode_dss_signature(r, s)) == Signature(r, s)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("", "no element of type 0x30"),
        ("30", "no element of type 0x30"),
        ("3006020101020102ff", "something follows it"),
        ("3007020101020102ff", "something follows it"),
        ("3007020101020102", "cut short"),
        ("3005020101020102", "cut short"),
        ("308106020101020102", "not in its shortest form"),
        ("30820006020101020102", "not in its shortest form"),
        ("3080020101020102" + "0000", "not in its shortest form"),
        ("300702810101020102", "not in its shortest form"),
        ("3007020200010201020a", "not in its shortest form"),
        ("300602018102010a", "negative"),
        ("3005020002010a", "has no byte"),
        ("3003020101", "no element of type 0x02"),
        ("3006040101020102", "no element of type 0x02"),
        ("3106020101020102", "no element of type 0x30"),
        ("30060201010201", "cut short"),
    ],
)
def test_signatures_in_no_der(encoded, reason):
    read = signature_of_der(bytes.fromhex(encoded))
    assert isinstance(read, Unreadable)
    assert reason in read.reason


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_never_gives_the_same_signature(seed):
    """So no signature has two encodings that a bit apart are both read."""
    encoded = utils.encode_dss_signature(TOP + seed, LARGE - seed)
    for bit in range(8 * len(encoded)):
        changed = bytearray(encoded)
        changed[bit // 8] ^= 1 << bit % 8
        assert signature_of_der(bytes(changed)) != signature_of_der(encoded), f"bit {bit}"


def test_signatures_of_p1363():
    assert signature_of_bytes((5).to_bytes(32, "big") + LARGE.to_bytes(32, "big")) == Signature(5, LARGE)
    for length in (0, 2, 63, 65, 66):
        read = signature_of_bytes(bytes(length))
        assert isinstance(read, Unreadable)
        assert f"has {length} bytes, not 64" in read.reason


@pytest.mark.parametrize("private", [1, 2, 1 << 200])
def test_public_keys(private):
    key = ec.derive_private_key(private, ec.SECP256R1()).public_key()
    numbers = key.public_numbers()
    point = Point(numbers.x, numbers.y)
    assert key_of_der(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)) == point
    assert point_of_bytes(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)) == point


def test_other_public_keys():
    other = ec.derive_private_key(7, ec.SECP256K1()).public_key()
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for wrong in (
        b"",
        other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        encoded[:-1],
        encoded + b"\0",
        b"\x30\x81\x59" + encoded[2:],
    ):
        assert isinstance(key_of_der(wrong), Unreadable)
    compressed = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for wrong in (b"", b"\0", compressed, bytes(65), bytes([6]) + bytes(64)):
        assert isinstance(point_of_bytes(wrong), Unreadable)
