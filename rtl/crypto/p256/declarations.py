"""Operations, statuses and constants of the unit, declared once."""

from amaranth.lib import enum

from .curve import P256, Comb

__all__ = ["CONSTANTS", "Constant", "Operate", "Status", "point_rom"]


class Operate(enum.Enum, shape=3):
    """What the unit can be asked for; also the address at which the microprogram begins it.

    ``GENERATE``: a new key into an empty slot, and its public key. ``PUBLIC``: the public key of a slot.
    ``SIGN``, ``VERIFY``: ECDSA. ``AGREE``: ECDH. ``VALIDATE``: is it a point of the curve? ``WIPE``: forget.
    """

    GENERATE = 0
    PUBLIC = 1
    SIGN = 2
    VERIFY = 3
    AGREE = 4
    VALIDATE = 5
    WIPE = 6
    NONE = 7


class Status(enum.Enum, shape=5):
    """How the last operation ended."""

    SUCCESS = 0
    UNKNOWN = 1
    NO_RANDOMNESS = 2
    KEY_REFUSED = 3
    KEY_RANGE = 4
    TARGET_REFUSED = 5
    TEMPLATE_ONLY = 6
    SLOT_ONLY = 7
    NONCE = 8
    POINT_RANGE = 9
    POINT_OFF_CURVE = 10
    INFINITY = 11
    R_ZERO = 12
    R_RANGE = 13
    S_ZERO = 14
    S_RANGE = 15
    SIGNATURE_WRONG = 16
    CHECK_FAILED = 17
    WIPED = 18

    @property
    def meaning(self):
        """What it says, in a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Status.SUCCESS: "Done; of a signature: it is right; of a point: it is one of the curve.",
    Status.UNKNOWN: "There is no such operation.",
    Status.NO_RANDOMNESS: "There is no randomness, or it ended during the operation.",
    Status.KEY_REFUSED: "The key store refused the key: the slot is empty, or its policy forbids it.",
    Status.KEY_RANGE: "The private key is 0, or not below n.",
    Status.TARGET_REFUSED: "The key store refused the new key: the target is occupied or not to be written.",
    Status.TEMPLATE_ONLY: "The slot signs only digests from hardware; or one came for a slot that does not.",
    Status.SLOT_ONLY: "The shared secret of this slot's key may only go to a slot.",
    Status.NONCE: "The hash unit was wiped while the nonce was made.",
    Status.POINT_RANGE: "A coordinate of the public key is not below p.",
    Status.POINT_OFF_CURVE: "The public key is no point of the curve.",
    Status.INFINITY: "The public key is (0, 0), which some write for the point at infinity.",
    Status.R_ZERO: "The signature's r is 0.",
    Status.R_RANGE: "The signature's r is not below n.",
    Status.S_ZERO: "The signature's s is 0.",
    Status.S_RANGE: "The signature's s is not below n.",
    Status.SIGNATURE_WRONG: "The signature is not one of this digest by this key.",
    Status.CHECK_FAILED: "The signature just made did not verify, or the slot was emptied meanwhile.",
    Status.WIPED: "The unit was wiped during the operation.",
}


class Constant(enum.Enum, shape=4):
    """Numbers that the microprogram needs, behind the points of the table memory.

    ``B``: the curve's coefficient; ``ORDER``: n; both in Montgomery's form for p. ``RADIX_P``, ``RADIX_N``:
    what takes a number into that form. ``ONE``: what takes it back. ``GAP``: p − n. ``P``, ``N``: the moduli.
    """

    B = 0
    RADIX_P = 1
    RADIX_N = 2
    ONE = 3
    GAP = 4
    ORDER = 5
    P = 6
    N = 7


CONSTANTS = {
    Constant.B: P256.montgomery(P256.b, P256.p),
    Constant.RADIX_P: P256.montgomery(1 << P256.bits, P256.p),
    Constant.RADIX_N: P256.montgomery(1 << P256.bits, P256.n),
    Constant.ONE: 1,
    Constant.GAP: P256.p - P256.n,
    Constant.ORDER: P256.montgomery(P256.n, P256.p),
    Constant.P: P256.p,
    Constant.N: P256.n,
}


def point_rom():
    """Words of the table memory: the comb's points in Montgomery's form, x before y, then the constants."""
    numbers = [P256.montgomery(value, P256.p) for point in Comb(P256).points for value in point]
    numbers += [CONSTANTS[constant] for constant in Constant]
    return [number >> 32 * word & 0xFFFF_FFFF for number in numbers for word in range(P256.words)]
