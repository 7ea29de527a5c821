"""What software knows of a register: the types that the generated register map is made of."""

from dataclasses import dataclass, field, replace

__all__ = ["Field", "Register"]


@dataclass(frozen=True)
class Field:
    """Bits ``lsb`` to ``lsb + width - 1`` of a register; two's complement if ``signed``.

    ``codes`` are the values that have names.
    """

    lsb: int
    width: int
    signed: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    def get(self, value: int) -> int:
        """The field's value within the register's value."""
        bits = (value >> self.lsb) & ((1 << self.width) - 1)
        return bits - (1 << self.width) if self.signed and bits >> (self.width - 1) else bits

    def named(self, code: int) -> str:
        """Name of a value of the field; what has none is its number."""
        return next((name for name, value in self.codes.items() if value == code), str(code))


@dataclass(frozen=True)
class Register:
    """A register by its name.

    ``address`` is its byte address; ``words`` its size in words of 32 bits, the least significant at
    the lowest address; ``access`` is ``r``, ``w`` or ``rw``; ``unit`` and ``fraction_bits`` are those of a
    measured value, whose least significant bit is 2 ** -fraction_bits units. An array has ``count`` elements
    of that size, one behind the other.
    """

    name: str
    address: int
    words: int
    access: str
    fields: dict[str, Field] = field(default_factory=dict)
    unit: str = ""
    fraction_bits: int = 0
    count: int = 1

    def element(self, index: int) -> "Register":
        """The register that is element ``index`` of the array.

        Raises `IndexError` if the array has no such element.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"{self.name} has elements 0 to {self.count - 1}, and not {index}")
        return replace(
            self, name=f"{self.name}[{index}]", address=self.address + 4 * self.words * index, count=1
        )

    def pack(self, **values: int) -> int:
        """The register's value with the named fields set and all others zero.

        Raises `ValueError` if there is no such field or a value does not fit in it.
        """
        packed = 0
        for name, value in values.items():
            if name not in self.fields:
                raise ValueError(f"{self.name} has no field {name!r}, only {', '.join(self.fields)}")
            bits = self.fields[name]
            if not 0 <= value < 1 << bits.width:
                raise ValueError(f"{self.name}.{name} holds {bits.width} bits, which {value} does not fit")
            packed |= value << bits.lsb
        return packed

    def unpack(self, value: int) -> dict[str, int]:
        """The value of every field within the register's value."""
        return {name: bits.get(value) for name, bits in self.fields.items()}

    def join(self, words: tuple[int, ...] | list[int]) -> int:
        """The register's value from its words, unsigned unless its only field is signed."""
        value = sum(word << (32 * index) for index, word in enumerate(words))
        fields = list(self.fields.values())
        return fields[0].get(value) if len(fields) == 1 and fields[0].signed else value

    def split(self, words: tuple[int, ...] | list[int]) -> list[int]:
        """The values of an array's elements from the words of all of them."""
        starts = range(0, self.count * self.words, self.words)
        return [self.join(words[start : start + self.words]) for start in starts]
