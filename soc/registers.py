"""The register map of a chip as data, and the files that are written from it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any

import jinja2
from amaranth import Shape

from rtl.bus import csr

from .chip import SLOT_BYTES, Soc, access_of
from .config import PRESETS, SocConfig

__all__ = ["FORMATS", "BlockMap", "FieldMap", "RegisterMap", "register_map", "tracked_files"]

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class CodeMap:
    """A value of a field that has a name; ``description`` may be empty."""

    name: str
    value: int
    description: str


@dataclass(frozen=True)
class FieldMap:
    """A field of a register; ``write_one`` is ``clear`` or ``set`` if writing ones does that to it.

    ``codes`` are its values by name, if it is an enumeration.
    """

    name: str
    lsb: int
    width: int
    signed: bool
    access: str
    description: str
    write_one: str = ""
    codes: tuple[CodeMap, ...] = ()

    @property
    def mask(self) -> int:
        """The field's bits within the register."""
        return (1 << self.width) - 1 << self.lsb


@dataclass(frozen=True)
class RegisterMap:
    """A register. ``path`` is its name within its block, ``reset`` its value after reset if it is fixed.

    An array has ``count`` elements of ``words`` words each, one behind the other.
    """

    path: tuple[str, ...]
    address: int
    words: int
    access: str
    description: str
    fields: tuple[FieldMap, ...]
    unit: str = ""
    fraction_bits: int = 0
    reset: int | None = None
    read_modifies: bool = False
    count: int = 1


@dataclass(frozen=True)
class BlockMap:
    """A block or a memory, with its registers in the order of their addresses."""

    name: str
    base: int
    size: int
    description: str
    interrupt: int | None
    registers: tuple[RegisterMap, ...]


def _text(doc: str | None) -> str:
    return " ".join((doc or "").split())


def _described(register: Any, name: str) -> tuple[str, dict[str, str]]:
    """Description of a CSR register and of each of its fields, from its docstring.

    A field ``value`` that is not described apart is what the register is.
    """
    head, _, section = (register.__doc__ or "").partition("Fields\n")
    fields: dict[str, str] = {}
    for line in section.splitlines():
        key, colon, text = line.strip().partition(": ")
        if colon and key.isidentifier():
            fields[key] = text
        elif fields and line.strip():
            fields[next(reversed(fields))] += " " + line.strip()
    description = _text(head)
    if not description or description.startswith("A CSR register. Parameters"):
        raise ValueError(f"Register {name} has no description")
    fields.setdefault("value", description)
    return description, fields


def _csr_fields(register: Any, name: str, descriptions: dict[str, str]) -> Iterator[FieldMap]:
    lsb = 0
    for path, action in register:
        shape = Shape.cast(action.port.shape)
        field_name = "_".join(str(part) for part in path)
        access = action.port.access.value
        if access != "nc":
            if field_name not in descriptions:
                raise ValueError(f"Field {field_name} of register {name} has no description")
            write_one = {"RW1C": "clear", "RW1S": "set"}.get(type(action).__name__, "")
            yield FieldMap(
                field_name,
                lsb,
                shape.width,
                shape.signed,
                access,
                descriptions[field_name],
                write_one,
                _codes(dict(getattr(register, "codes", ())).get(field_name, ())),
            )
        lsb += shape.width


def _codes(enumeration: Any) -> tuple[CodeMap, ...]:
    """The members of a field's enumeration; each may have a ``meaning``."""
    return tuple(CodeMap(code.name.lower(), code.value, getattr(code, "meaning", "")) for code in enumeration)


def _csr_reset(register: Any) -> int | None:
    """Value after reset, if it is a constant or every field is written by software alone."""
    if hasattr(register, "value"):
        return register.value
    lsb = value = 0
    for _, action in register:
        width = Shape.cast(action.port.shape).width
        if action.port.access.value != "nc":
            if not isinstance(action, csr.action.RW):
                return None
            value |= action.init << lsb
        lsb += width
    return value


def _register(info: Any, path: tuple[str, ...], name: str) -> RegisterMap:
    register = info.resource
    words = info.end - info.start
    if hasattr(register, "element"):
        description, descriptions = _described(register, name)
        return RegisterMap(
            path,
            4 * info.start,
            words,
            access_of(register),
            description,
            tuple(_csr_fields(register, name, descriptions)),
            reset=_csr_reset(register),
            read_modifies=getattr(register, "read_modifies", False),
        )
    if not register.description:
        raise ValueError(f"Register {name} has no description")
    field = FieldMap("value", 0, register.width, register.signed, register.access, register.description)
    return RegisterMap(
        path,
        4 * info.start,
        words // register.count,
        register.access,
        register.description,
        (field,),
        unit=register.unit,
        fraction_bits=register.fraction_bits,
        count=register.count,
    )


def _path(names: Any) -> tuple[str, ...]:
    """Parts of a memory map path as identifiers; an index joins the part before it."""
    parts: list[str] = []
    for part in (part for name in names for part in name):
        if isinstance(part, int):
            parts[-1] += str(part)
        else:
            parts.append(part)
    for part in parts:
        if not part.isidentifier() or iskeyword(part):
            raise ValueError(f"{part!r} in {'.'.join(parts)} must be an identifier and no keyword of Python")
    return tuple(parts)


def register_map(config: SocConfig) -> tuple[BlockMap, ...]:
    """The register map of the chip that ``config`` describes.

    Raises
    ------
    ValueError
        If a register or a field has no description; the sentence names it.
    """
    soc = Soc(config)
    registers: dict[str, list[RegisterMap]] = {}
    for info in soc.memory_map.all_resources():
        path = _path(info.path)
        registers.setdefault(path[0], []).append(_register(info, path[1:], ".".join(path)))
    return tuple(
        _block(soc, name, members)
        for name, members in sorted(registers.items(), key=lambda item: item[1][0].address)
    )


def _block(soc: Soc, name: str, registers: list[RegisterMap]) -> BlockMap:
    base = registers[0].address
    if name in soc.blocks:
        size = SLOT_BYTES
        description = _text((soc.blocks[name].__doc__ or "").split("\n\n")[0])
    else:
        owner, size = soc.windows[name]
        description = f"Values of `{owner}`, kept in a memory."
    return BlockMap(name, base, size, description, soc.interrupts.get(name), tuple(registers))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["hex"] = lambda value, digits=0: f"{value:#0{digits + 2}x}"
    environment.filters["xml"] = lambda text: (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")
    environment.filters["described"] = _with_measure
    environment.filters["tree"] = _tree
    return environment


def _with_measure(register: RegisterMap) -> str:
    """The register's description, and what one of its least significant bits is worth."""
    if register.fraction_bits:
        return f"{register.description} One LSB is 2^−{register.fraction_bits} {register.unit}".rstrip() + "."
    return f"{register.description} In {register.unit}." if register.unit else register.description


def _tree(registers: tuple[RegisterMap, ...]) -> dict[str, Any]:
    """The registers by name, those of a cluster in a dict of their own."""
    root: dict[str, Any] = {}
    for register in registers:
        place = root
        for part in register.path[:-1]:
            place = place.setdefault(part, {})
        place[register.path[-1]] = register
    return root


def _rendered(template: str) -> Callable[[SocConfig], str]:
    def render(config: SocConfig) -> str:
        blocks = register_map(config)
        return _environment().get_template(template).render(blocks=blocks, config=config)

    return render


def _json(config: SocConfig) -> str:
    blocks = [asdict(block) for block in register_map(config)]
    return json.dumps({"name": config.name, "blocks": blocks}, indent=1) + "\n"


FORMATS: dict[str, Callable[[SocConfig], str]] = {
    "md": _rendered("registers.md.j2"),
    "svd": _rendered("wattseal.svd.j2"),
    "c": _rendered("wattseal.h.j2"),
    "python": _rendered("registers.py.j2"),
    "json": _json,
}
"""What writes the register map of a configuration, by the name of the format."""

_TRACKED = {
    "md": "docs/registers.md",
    "svd": "soc/generated/wattseal.svd",
    "c": "soc/generated/wattseal.h",
    "python": "soc/generated/registers.py",
}


def tracked_files() -> dict[Path, str]:
    """The generated files that are kept with the sources, and what each must contain."""
    return {_ROOT / path: FORMATS[name](PRESETS["polyphase"]) for name, path in _TRACKED.items()}
