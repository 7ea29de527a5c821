"""Key slots: their policies, and keys that are loaded, generated and erased."""

from soc.generated.registers import keystore

from .. import access
from ..ops import Wait, Write

__all__ = ["IDENTIFICATION", "VERSION", "KeyStore", "Refused"]

IDENTIFICATION = "KEYS"
VERSION = 2

_OPERATION = keystore.operate.fields["operation"]
_OUTCOME = keystore.status.fields["outcome"]
_IN_SERVICE = ("in_manufacturing", "in_installation", "in_operation")
_KEY_BYTES, _SHORT_BYTES = 32, 16
_POLL_CYCLES = 32
_REFUSALS = {
    "unknown": "there is no such operation",
    "slot": "there is no such slot",
    "occupied": "the slot is not empty",
    "policy": "the policy allows nothing, or what does not go together",
    "lifecycle": "not in this lifecycle state",
    "random": "there is no healthy randomness",
    "wiped": "the store is being wiped, or an alert wipes the slot",
}


class Refused(Exception):
    """The key store refused an operation; the message says why."""


class KeyStore:
    """Driver of the key store. A slot is a number; its key shows nowhere, unless it was loaded here."""

    def define(self, slot, *allowed, states=_IN_SERVICE, flags=()):
        """Give an empty slot its policy.

        ``allowed`` are operations, ``states`` lifecycle states and ``flags`` the class and what wipes the
        slot, all by the names of the fields of `policy`.
        """
        names = (*allowed, *states, *flags)
        yield from access.write_fields(keystore.policy, **dict.fromkeys(names, 1))
        yield from self._operate("define", slot)

    def load(self, slot, key):
        """Put a key of 32 bytes, or of 16 into a short slot, into an empty slot; it is then external."""
        yield from access.write_fields(keystore.select, slot=slot)
        policy = yield from access.read_fields(keystore.slot_policy)
        size = _SHORT_BYTES if policy["short"] else _KEY_BYTES
        if len(key) != size:
            raise ValueError(f"A key for slot {slot} must have {size} bytes, not {len(key)}")
        words = tuple(int.from_bytes(key[at : at + 4], "big") for at in range(0, size, 4))
        yield from self._start("load", slot)
        if (yield from access.read_fields(keystore.status))["waits"]:
            yield Write(keystore.data.address, words)
        yield from self._end()

    def generate(self, slot):
        """Fill an empty slot with a random key."""
        yield from self._operate("generate", slot)

    def erase(self, slot):
        """Empty a slot and take its policy away; a `load` or `generate` that waits ends so."""
        yield from self._operate("erase", slot)

    def wipe(self):
        """Erase every slot."""
        yield from self._operate("wipe", 0)

    def state(self, slot):
        """What is in a slot: ``valid``, ``external``, ``generated``, ``filling``, and its policy's fields."""
        yield from access.write_fields(keystore.select, slot=slot)
        state = yield from access.read_fields(keystore.slot)
        return {**state, **(yield from access.read_fields(keystore.slot_policy))}

    def _operate(self, name, slot):
        yield from self._start(name, slot)
        yield from self._end()

    def _start(self, name, slot):
        # After a reset the store wipes itself.
        while (yield from access.read_fields(keystore.status))["wiping"]:
            yield Wait(0, _POLL_CYCLES)
        yield from access.write_fields(keystore.cause, done=1, refused=1)
        yield from access.write_fields(keystore.enable, done=1, refused=1)
        yield from access.write_fields(keystore.select, slot=slot)
        yield from access.write_fields(keystore.operate, operation=_OPERATION.codes[name])

    def _end(self):
        yield Wait(1 << keystore.interrupt)
        yield from access.write(keystore.enable, 0)
        if (yield from access.read_fields(keystore.cause))["refused"]:
            raise Refused("an operation was being done")
        outcome = (yield from access.read_fields(keystore.status))["outcome"]
        if outcome:
            raise Refused(_REFUSALS[_OUTCOME.named(outcome)])
