"""Registers by name: what a driver yields from to read, write or change one.

Each function is a coroutine for ``yield from`` and takes a register of `soc.generated.registers`. A wide
register is read or written in one operation, least significant word first, as its block latches it.
"""

from .ops import Read, Write

__all__ = ["modify", "read", "read_fields", "write", "write_fields"]


def read(register):
    """The register's value; signed if the register is."""
    return register.join((yield Read(register.address, register.words)))


def read_fields(register):
    """The value of each of the register's fields, by name."""
    return register.unpack((yield from read(register)))


def write(register, value):
    """Set the whole register.

    Raises `ValueError` if the value has more bits than the register's words.
    """
    bits = 32 * register.words
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise ValueError(f"{register.name} holds {bits} bits, which {value} does not fit")
    words = tuple((value >> (32 * index)) & 0xFFFF_FFFF for index in range(register.words))
    yield Write(register.address, words)


def write_fields(register, **values):
    """Set the named fields, and all others to zero."""
    yield from write(register, register.pack(**values))


def modify(register, **values):
    """Set the named fields and keep the others, by reading and writing back.

    Not for a register in which writing a one clears a bit: what is pending there would be cleared.
    """
    packed = register.pack(**values)
    mask = sum(((1 << register.fields[name].width) - 1) << register.fields[name].lsb for name in values)
    kept = yield from read(register)
    yield from write(register, (kept & ~mask) | packed)
