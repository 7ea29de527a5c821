"""Fields of a vector, read with a sentence for everything that is wrong with them."""

from collections.abc import Mapping
from typing import Any

from soc.errors import InputError

__all__ = ["Fields"]

_REMEDY = "give the file as it was published"


class Fields:
    """Named fields at a place of a file.

    Parameters
    ----------
    fields : mapping
        The fields: texts, or what JSON has.
    where : str
        The place, for complaints.
    """

    def __init__(self, fields: Mapping[str, Any], where: str):
        self._fields = fields
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def wrong(self, what: str, remedy: str = _REMEDY) -> InputError:
        """The complaint about something at this place."""
        return InputError(f"{self.where}: {what}; {remedy}.")

    def _value(self, name: str) -> Any:
        if name not in self._fields:
            raise self.wrong(f"there is no '{name}'")
        return self._fields[name]

    def text(self, name: str) -> str:
        """A text."""
        value = self._value(name)
        if not isinstance(value, str):
            raise self.wrong(f"'{name}' is {_shown(value)}, where a text is needed")
        return value

    def octets(self, name: str) -> bytes:
        """A byte string in hexadecimal digits, two a byte."""
        text = self.text(name)
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise self.wrong(
                f"'{name}' is {_shown(text)}, where an even number of hex digits is needed"
            ) from None

    def integer(self, name: str) -> int:
        """A natural number in hexadecimal digits, as many as there are."""
        text = self.text(name)
        try:
            if not (text.isascii() and text.isalnum()):
                raise ValueError
            return int(text, 16)
        except ValueError:
            raise self.wrong(f"'{name}' is {_shown(text)}, where hex digits are needed") from None

    def number(self, name: str) -> int:
        """A natural number in decimal digits, or as JSON has it."""
        value = self._value(name)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise self.wrong(f"'{name}' is {_shown(value)}, where a natural number is needed")

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise self.wrong(f"'{name}' is {_shown(value)}, where true or false is needed")
        return value

    def part(self, name: str) -> "Fields":
        """Fields within a field."""
        value = self._value(name)
        if not isinstance(value, dict):
            raise self.wrong(f"'{name}' is {_shown(value)}, where an object is needed")
        return Fields(value, f"{self.where}, {name}")

    def parts(self, name: str) -> list[Any]:
        """A list."""
        value = self._value(name)
        if not isinstance(value, list):
            raise self.wrong(f"'{name}' is {_shown(value)}, where a list is needed")
        return value


def _shown(value: object) -> str:
    """A value, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:30]}…{text[-1]}"
