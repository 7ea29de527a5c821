"""The key store's registers."""

from ...bus import KeyOperation, csr
from .policy import CLASS_BITS, OPERATION_GROUPS, STATES, Operation, Outcome, WipeLevel

__all__ = ["Operate", "Select", "SlotState", "Status", "policy_register"]

_CLASS_TEXTS = {
    "to_bus": "What is made of the key may go to the bus, if the key is external.",
    "short": "The key has 128 bits: `load` and `generate` take four words, and of a result the first four.",
    "template": "Signs only digests that hardware computed.",
    "unchecked": "A signature is given out without verifying it first.",
}


def policy_register(access, description):
    """The register of a policy: the bits of `POLICY`, in their order."""
    groups = "; ".join(
        " and ".join(f"`{_name(operation)}`" for operation in group) for group in OPERATION_GROUPS
    )
    fields = {
        **{_name(operation): f"Operation {_name(operation)} is allowed." for operation in KeyOperation},
        **{f"in_{_name(state)}": f"Can be used in state {_name(state)}." for state in STATES},
        **{name: _CLASS_TEXTS[name] for name in CLASS_BITS},
        **{f"wiped_by_{_name(level)}": f"Wiped by an alert of level {_name(level)}." for level in WipeLevel},
    }
    action = csr.action.RW if access == "rw" else csr.action.R
    register = csr.Register({name: csr.Field(action, 1) for name in fields}, access=access)
    lines = "\n".join(f"{name}: {text}" for name, text in fields.items())
    register.__doc__ = (
        f"{description} Only operations of one group go together: {groups}.\n\nFields\n------\n{lines}"
    )
    return register


def _name(member):
    return member.name.lower()


class Status(csr.Register, access="r"):
    """State of the store.

    Fields
    ------
    busy: An operation is being done.
    waits: It waits for words in `data`.
    wiping: Slots are being wiped: everything else is refused.
    outcome: How the last operation ended. 0 it succeeded; 1 there is no such operation; 2 there is no such
        slot; 3 the slot is not empty; 4 the policy allows no operation, operations that do not go together,
        or no lifecycle state, or is one of a short private key; 5 not in this lifecycle state; 6 there is no
        healthy randomness; 7 the store is being wiped, or an alert is raised that wipes the slot.
    words: Words that the operation has put into the slot.
    """

    codes = (("outcome", Outcome),)
    busy: csr.Field(csr.action.R, 1)
    waits: csr.Field(csr.action.R, 1)
    wiping: csr.Field(csr.action.R, 1)
    _: csr.Field(csr.action.ResR0W0, 1)
    outcome: csr.Field(csr.action.R, 3)
    __: csr.Field(csr.action.ResR0W0, 1)
    words: csr.Field(csr.action.R, 3)


class Select(csr.Register, access="rw"):
    """The slot that `operate` is about, and that `slot` and `slot_policy` show.

    Fields
    ------
    slot: Number of the slot.
    """

    slot: csr.Field(csr.action.RW, 8)


class SlotState(csr.Register, access="r"):
    """What is in the selected slot, or, while busy, in the operation's; zero if there is no such slot.

    Fields
    ------
    valid: It holds a key.
    external: The key came from the bus, or from such keys alone.
    filling: A block is writing a key into it.
    generated: The key was made here of random words, or derived from such keys alone. Neither generated nor
        external, it was agreed or unwrapped, or derived from keys of several origins.
    """

    valid: csr.Field(csr.action.R, 1)
    external: csr.Field(csr.action.R, 1)
    filling: csr.Field(csr.action.R, 1)
    generated: csr.Field(csr.action.R, 1)


class Operate(csr.Register, access="w"):
    """Starts an operation on the selected slot; it ends with the cause `done`.

    Fields
    ------
    operation: 0 `define` gives the empty slot the policy in `policy`. 1 `load` fills it with the next eight
        words (four if short) written to `data`, as an external key. 2 `generate` fills it with random words.
        3 `erase` empties the slot and takes its policy away; it also ends a `load` or `generate` before its
        last word, whatever slot is selected. 4 `wipe` does so with every slot, at any time.
    """

    codes = (("operation", Operation),)
    operation: csr.Field(csr.action.W, 3)
