"""What a key slot's policy is, and the codes of the key store's operations."""

from amaranth import Cat, Mux
from amaranth.lib import data, enum

from ...bus import KeyOperation, KeySource, LifecycleState

__all__ = [
    "CLASS_BITS",
    "OPERATION_GROUPS",
    "POLICY",
    "SLOT",
    "SLOT_WORDS",
    "STATES",
    "Operation",
    "Outcome",
    "WipeLevel",
    "admits",
    "is_sound",
    "states_of",
]

SLOT_WORDS = 8


class Operation(enum.Enum, shape=3):
    """What the application asks the key store for."""

    DEFINE = 0
    LOAD = 1
    GENERATE = 2
    ERASE = 3
    WIPE = 4


class Outcome(enum.Enum, shape=3):
    """How the application's last operation ended."""

    SUCCESS = 0
    UNKNOWN = 1
    SLOT = 2
    OCCUPIED = 3
    POLICY = 4
    LIFECYCLE = 5
    RANDOM = 6
    WIPED = 7


class WipeLevel(enum.Enum, shape=1):
    """Alert that wipes the slots whose policies name it, at its position in ``alerts``."""

    TAMPER = 0
    FAULT = 1


STATES = (LifecycleState.MANUFACTURING, LifecycleState.INSTALLATION, LifecycleState.OPERATION)
"""Lifecycle states in which a slot can be used at all, in the order of their bits in a policy."""

CLASS_BITS = ("to_bus", "short", "template", "unchecked")
"""Members of `KeyClass` that a policy sets; the others are no policy, but where a key came from."""

POLICY = data.StructLayout(
    {
        "operations": len(KeyOperation),
        "states": len(STATES),
        **dict.fromkeys(CLASS_BITS, 1),
        "wiped_by": len(WipeLevel),
    }
)
"""A slot's policy: a bit for each allowed operation and lifecycle state, its class, and what wipes it."""

SLOT = data.StructLayout({"valid": 1, "external": 1, "generated": 1, "policy": POLICY})
"""What is known of a slot besides its contents."""

OPERATION_GROUPS = (
    (KeyOperation.HMAC,),
    (KeyOperation.DERIVE,),
    (KeyOperation.ENCRYPT, KeyOperation.DECRYPT),
    (KeyOperation.SIGN,),
    (KeyOperation.AGREE,),
    (KeyOperation.WRAP, KeyOperation.UNWRAP),
    (KeyOperation.CMAC,),
    (KeyOperation.AAD,),
)
"""Operations that one key may be allowed together. A key with two uses leaks through one what the other
protects: HMAC computes what HKDF derives, encryption undoes a key wrap."""


def is_sound(policy):
    """Whether the policy allows operations of one group, and at least one lifecycle state.

    A private key of 128 bits is none: its public key tells it, with 2⁶⁴ steps.
    """
    groups = Cat(
        Cat(policy.operations[operation.value] for operation in group).any() for group in OPERATION_GROUPS
    )
    private = _allows(policy, KeyOperation.SIGN) | _allows(policy, KeyOperation.AGREE)
    one = groups.any() & ((groups & (groups - 1)) == 0)
    return one & policy.states.any() & ~(policy.short & private)


def admits(policy, made):
    """Whether a slot's policy is one for a key that was ``made`` so: for what its source leaves open.

    Who can have the same key put into two slots must not find it by two uses. So an agreed key may only be
    derived from, an unwrapped one never; nor is it one of those that sign templates alone. And half a key
    that was wrapped is none.
    """
    derives = _allows(policy, KeyOperation.DERIVE)
    unwrapped = made.source == KeySource.UNWRAPPED
    return Mux(unwrapped, policy.short == made.short, 1) & (
        made.external
        | Mux(unwrapped, ~(derives | policy.template), derives | (made.source != KeySource.AGREED))
    )


def _allows(policy, operation):
    return policy.operations[operation.value]


def states_of(lifecycle):
    """A bit for each of `STATES`; none in ``RETIRED``, or with a code that is no state's."""
    return Cat(lifecycle.as_value() == state.value for state in STATES)
