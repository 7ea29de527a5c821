"""What a channel's name or unit says: volts, amperes or time, and the factor to the SI unit."""

__all__ = ["Unit", "unit_of_name", "unit_of_symbol"]

import re
from dataclasses import dataclass

_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}

_SYMBOL = re.compile(r"([kKMmuµμn]?)([VAs])|([kKmuµμ]?)([va])")
_SPELLED = {
    "V": re.compile(r"volts?", re.IGNORECASE),
    "A": re.compile(r"amp(ere)?s?", re.IGNORECASE),
    "s": re.compile(r"sec(ond)?s?", re.IGNORECASE),
}
_LABEL = re.compile(r"(l|ch|channel|phase|line|input)?[\s_.-]*[0-9]+", re.IGNORECASE)
_BRACKETS = re.compile(r"(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]\s*")
_SUFFIX = re.compile(r"(.+)_([kmun]?)([vas])", re.IGNORECASE)
_OTHER_SUFFIX = re.compile(r"(.+)_([km]?(?:wh?|varh?|vah|hz|ohm)|[km]va|deg|rad|pct|rpm)", re.IGNORECASE)
_WORDS = {
    "V": re.compile(r"(v|u|volts?|voltage|spannung|tension)[\s_-]*(l?\d|[abcrstn])?(n|-n)?", re.IGNORECASE),
    "A": re.compile(r"(i|amps?|amperes?|current|strom|courant)[\s_-]*(l?\d|[abcrstn])?", re.IGNORECASE),
    "s": re.compile(r"(t|time|times|zeit|temps|seconds?)", re.IGNORECASE),
}


@dataclass(frozen=True)
class Unit:
    """A kind of quantity, the factor to its SI unit, and whether the file states both.

    ``kind`` is ``"V"``, ``"A"`` or ``"s"``; for any other quantity it is the unit as the file writes it.
    """

    kind: str
    factor: float
    stated: bool = True


def unit_of_symbol(symbol: str) -> Unit | None:
    """Read a unit such as ``kV``, ``mA``, ``ms`` or ``Volts``, or one of another quantity; None if empty.

    Small letters are read too where they can mean one thing only: ``kv`` and ``ma``, but not ``na``.
    """
    symbol = symbol.strip()
    match = _SYMBOL.fullmatch(symbol)
    if match is not None:
        return Unit(match[2] or match[4].upper(), _PREFIXES[match[1] or match[3] or ""])
    for kind, words in _SPELLED.items():
        if words.fullmatch(symbol):
            return Unit(kind, 1.0)
    return Unit(symbol, 1.0) if symbol else None


def unit_of_name(name: str) -> tuple[str, Unit | None]:
    """Split a column's name into its bare name and its unit.

    ``Voltage (kV)``, ``Voltage [kV]`` and ``voltage_kv`` state their unit, and so do ``Power (W)`` and
    ``power_w``. ``voltage``, ``U1``, ``Ia`` or ``time`` state only a kind, and are taken as volts, amperes
    and seconds. A label such as in ``Voltage (L1)`` is no unit.
    """
    match = _BRACKETS.fullmatch(name)
    if match is not None:
        return match[1], None if _LABEL.fullmatch(match[2]) else unit_of_symbol(match[2])
    match = _SUFFIX.fullmatch(name)
    if match is not None:
        symbol = "s" if match[3] in "sS" else match[3].upper()
        return match[1], Unit(symbol, _PREFIXES[match[2].lower()])
    match = _OTHER_SUFFIX.fullmatch(name)
    if match is not None:
        return match[1], Unit(match[2], 1.0)
    for kind, words in _WORDS.items():
        if words.fullmatch(name):
            return name, Unit(kind, 1.0, stated=False)
    return name, None
