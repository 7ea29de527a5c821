"""What a channel's name or unit says: volts, amperes or time, and the factor to the SI unit."""

__all__ = ["Unit", "unit_of_name", "unit_of_symbol"]

import re
from dataclasses import dataclass

_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}

_SYMBOL = re.compile(r"([kKMmuµμn]?)([VAs])")
_BRACKETS = re.compile(r"(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]\s*")
_SUFFIX = re.compile(r"(.+)_([kmun]?)([vas])", re.IGNORECASE)
_WORDS = {
    "V": re.compile(r"(v|u|volts?|voltage|spannung|tension)[\s_-]*(l?\d|[abcrstn])?(n|-n)?", re.IGNORECASE),
    "A": re.compile(r"(i|amps?|amperes?|current|strom|courant)[\s_-]*(l?\d|[abcrstn])?", re.IGNORECASE),
    "s": re.compile(r"(t|time|times|zeit|temps|seconds?)", re.IGNORECASE),
}


@dataclass(frozen=True)
class Unit:
    """A kind of quantity, ``"V"``, ``"A"`` or ``"s"``, the factor to it, and whether the file states both."""

    kind: str
    factor: float
    stated: bool = True


def unit_of_symbol(symbol: str) -> Unit | None:
    """Read a unit such as ``kV``, ``mA`` or ``ms``; None for anything else."""
    match = _SYMBOL.fullmatch(symbol.strip())
    if match is None:
        return None
    return Unit(match[2], _PREFIXES[match[1]])


def unit_of_name(name: str) -> tuple[str, Unit | None]:
    """Split a column's name into its bare name and its unit.

    ``Voltage (kV)``, ``Voltage [kV]`` and ``voltage_kv`` state their unit. ``voltage``, ``U1``, ``Ia`` or
    ``time`` state only a kind, and are taken as volts, amperes and seconds.
    """
    match = _BRACKETS.fullmatch(name)
    if match is not None:
        return match[1], unit_of_symbol(match[2])
    match = _SUFFIX.fullmatch(name)
    if match is not None:
        symbol = "s" if match[3] in "sS" else match[3].upper()
        return match[1], Unit(symbol, _PREFIXES[match[2].lower()])
    for kind, words in _WORDS.items():
        if words.fullmatch(name):
            return name, Unit(kind, 1.0, stated=False)
    return name, None
