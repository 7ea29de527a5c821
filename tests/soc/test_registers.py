"""The register map as data, the files written from it, and that those kept with the sources are fresh."""

import importlib.util
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from rtl.bus import StoredRegister, csr
from rtl.periph.sysinfo import SysInfo
from soc import registers as subject
from soc.config import PRESETS
from soc.formats.registers import Register
from soc.registers import FORMATS, register_map, tracked_files

CONFIG = PRESETS["polyphase"]
PRESET = pytest.mark.parametrize("name", PRESETS)

# Order of the elements in the schema of CMSIS-SVD 1.3, as far as they are used here; ! must be there.
SVD_ORDER = {
    "device": "name! version! description! addressUnitBits! width! size peripherals!",
    "peripherals": "peripheral!",
    "peripheral": "name! description baseAddress! addressBlock interrupt registers",
    "addressBlock": "offset! size! usage!",
    "interrupt": "name! value!",
    "registers": "register!",
    "register": "dim dimIncrement name! description addressOffset! size access resetValue readAction fields",
    "fields": "field!",
    "field": "name! description bitOffset! bitWidth access modifiedWriteValues enumeratedValues",
    "enumeratedValues": "enumeratedValue!",
    "enumeratedValue": "name! description value!",
}


def _all_registers(config=CONFIG):
    return [(block, register) for block in register_map(config) for register in block.registers]


@pytest.fixture(params=["as it is", "with arrays"])
def chip(request, monkeypatch):
    """The chip as it is, and one whose `sysinfo` also has arrays of 3 elements of one, two and four words."""
    made = SysInfo.__init__

    def with_arrays(self, **parameters):
        made(self, **parameters)
        for words, width in ((1, 28), (2, 36), (4, 108)):
            array = StoredRegister(
                description="Values.", width=width, signed=True, fraction_bits=4, unit="V", count=3
            )
            self.bus.memory_map.add_resource(array, name=f"array{words}", size=3 * words)

    if request.param == "with arrays":
        monkeypatch.setattr(SysInfo, "__init__", with_arrays)


@pytest.mark.usefixtures("chip")
def test_registers_lie_one_behind_the_other():
    for block in register_map(CONFIG):
        free = block.base
        for register in block.registers:
            assert register.address >= free, f"{block.name}.{register.path}"
            free = register.address + 4 * register.words * register.count


def test_files_kept_with_the_sources_are_fresh():
    stale = [
        str(path)
        for path, content in tracked_files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    assert not stale, f"stale: {', '.join(stale)}; `wattseal regs --write` regenerates them"


@PRESET
def test_every_register_and_field_is_described_in_sentences(name):
    for block, register in _all_registers(PRESETS[name]):
        where = f"{block.name}.{'.'.join(register.path)}"
        assert block.description.endswith("."), block.name
        assert re.fullmatch(r"[A-Z0-9`].*\.", register.description), f"{where}: {register.description!r}"
        assert register.fields, where
        for field in register.fields:
            assert re.fullmatch(r"[A-Z0-9`].*\.", field.description), f"{where}.{field.name}"


@pytest.mark.parametrize(
    ("doc", "sentence"),
    [
        (None, "Register sysinfo.undescribed has no description"),
        ("  \n  ", "Register sysinfo.undescribed has no description"),
        (
            "Two fields.\n\nFields\n------\none: Yes.\n",
            "Field two of register sysinfo.undescribed has no description",
        ),
    ],
)
def test_what_is_not_described_is_refused(monkeypatch, doc, sentence):
    made = SysInfo.__init__

    def with_one_more(self, **parameters):
        made(self, **parameters)
        fields = {"one": csr.Field(csr.action.R, 8), "two": csr.Field(csr.action.R, 8)}
        register = csr.Register(fields, access="r")
        if doc is not None:
            register.__doc__ = doc
        self.bus.memory_map.add_resource(register, name="undescribed", size=1)

    monkeypatch.setattr(SysInfo, "__init__", with_one_more)
    with pytest.raises(ValueError) as caught:
        register_map(CONFIG)
    assert str(caught.value) == sentence


def test_a_keyword_is_no_name():
    with pytest.raises(ValueError) as caught:
        subject._path((("energy",), ("phase", 0, "import")))
    assert (
        str(caught.value) == "'import' in energy.phase0.import must be an identifier and no keyword of Python"
    )


@PRESET
def test_fields_do_not_overlap_and_fit(name):
    for block, register in _all_registers(PRESETS[name]):
        taken = 0
        for field in register.fields:
            where = f"{block.name}.{register.path}.{field.name}"
            assert not taken & field.mask, where
            assert field.mask < 1 << 32 * register.words, where
            taken |= field.mask


@pytest.mark.usefixtures("chip")
def test_python_accessors_say_the_same(tmp_path):
    path = tmp_path / "accessors.py"
    path.write_text(FORMATS["python"](CONFIG), encoding="utf-8")
    specification = importlib.util.spec_from_file_location("accessors", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert module.__all__ == [block.name for block in register_map(CONFIG)]
    for block, register in _all_registers():
        namespace = getattr(module, block.name)
        assert namespace.base == block.base
        assert getattr(namespace, "interrupt", None) == block.interrupt
        for part in register.path:
            namespace = getattr(namespace, part)
        assert isinstance(namespace, Register)
        assert namespace.name == ".".join((block.name, *register.path))
        assert (namespace.address, namespace.words) == (register.address, register.words)
        assert namespace.count == register.count
        assert (namespace.access, namespace.unit) == (register.access, register.unit)
        assert namespace.fraction_bits == register.fraction_bits
        layout = {
            name: (bits.lsb, bits.width, bits.signed, bits.codes) for name, bits in namespace.fields.items()
        }
        assert layout == {
            bits.name: (bits.lsb, bits.width, bits.signed, {code.name: code.value for code in bits.codes})
            for bits in register.fields
        }


@PRESET
def test_svd_has_the_structure_of_its_schema(name):
    root = ElementTree.fromstring(FORMATS["svd"](PRESETS[name]))
    assert (root.tag, root.get("schemaVersion")) == ("device", "1.3")
    for element in root.iter():
        if element.tag in SVD_ORDER:
            rule = SVD_ORDER[element.tag].split()
            order = [part.rstrip("!") for part in rule]
            positions = [order.index(child.tag) for child in element]
            assert positions == sorted(positions), f"order of {element.tag}"
            present = {child.tag for child in element}
            assert {part[:-1] for part in rule if part.endswith("!")} <= present, element.tag
        else:
            assert len(element) == 0, f"{element.tag} is no element with children"
            assert element.text, element.tag
            assert element.text.strip() == element.text, element.tag
    for parent, child in (("peripherals", "peripheral"), ("registers", "register"), ("fields", "field")):
        for element in root.iter(parent):
            names = [each.findtext("name") for each in element.iter(child)]
            assert len(set(names)) == len(names), f"names in {parent}"


def _number(element, tag):
    return int(element.findtext(tag), 0)


@pytest.mark.usefixtures("chip")
def test_svd_says_the_same():
    root = ElementTree.fromstring(FORMATS["svd"](CONFIG))
    found = {}
    for peripheral in root.iter("peripheral"):
        base = _number(peripheral, "baseAddress")
        for register in peripheral.iter("register"):
            words = _number(register, "size") // 32
            if register.find("dim") is not None:
                assert _number(register, "dimIncrement") == 4 * words
                words *= _number(register, "dim")
            fields = [
                (
                    field.findtext("name"),
                    _number(field, "bitOffset"),
                    _number(field, "bitWidth"),
                    [
                        (code.findtext("name"), _number(code, "value"), code.findtext("description") or "")
                        for code in field.iter("enumeratedValue")
                    ],
                )
                for field in register.iter("field")
            ]
            key = (peripheral.findtext("name"), (register.findtext("name") or "").removesuffix("[%s]"))
            found[key] = (
                base + _number(register, "addressOffset"),
                words,
                register.findtext("access"),
                fields,
            )
    access = {"r": "read-only", "w": "write-only", "rw": "read-write"}
    assert found == {
        (block.name, "_".join(register.path)): (
            register.address,
            register.words * register.count,
            access[register.access],
            [
                (
                    field.name,
                    field.lsb,
                    field.width,
                    [(code.name, code.value, code.description) for code in field.codes],
                )
                for field in register.fields
            ]
            if register.words <= 2
            else [],
        )
        for block, register in _all_registers()
    }


@pytest.mark.usefixtures("chip")
def test_json_says_the_same():
    tree = json.loads(FORMATS["json"](CONFIG))
    assert tree["name"] == "polyphase"
    assert [block["name"] for block in tree["blocks"]] == [block.name for block in register_map(CONFIG)]
    flat = [register for block in tree["blocks"] for register in block["registers"]]
    expected = [register for _, register in _all_registers()]
    assert [register["address"] for register in flat] == [register.address for register in expected]
    assert [register["count"] for register in flat] == [register.count for register in expected]
    assert [register["reset"] for register in flat] == [register.reset for register in expected]


@pytest.mark.usefixtures("chip")
def test_markdown_names_every_register_and_field():
    text = FORMATS["md"](CONFIG)
    for block, register in _all_registers():
        name = ".".join(register.path) + (f"[{register.count}]" if register.count > 1 else "")
        row = f"| `{name}` | `{register.address:#010x}` | {register.words} |"
        assert row in text, f"{block.name}.{register.path}"
        for field in register.fields:
            assert field.name == "value" or f"| `{field.name}` | " in text
            for code in field.codes:
                assert f"| {code.value} | `{code.name}` | {code.description}" in text
    widths = {line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")}
    assert widths <= {4, 5, 6, 7}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.usefixtures("chip")
def test_c_header_compiles_and_says_the_same(tmp_path, name):
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no gcc")
    lines = ['#include "wattseal.h"', '#include "wattseal.h"']

    def hold(macro, value):
        lines.append(f'_Static_assert({macro} == {value}u, "{macro}");')

    for block, register in _all_registers(PRESETS[name]):
        prefix = f"WATTSEAL_{block.name}".upper()
        macro = f"{prefix}_{'_'.join(register.path)}".upper()
        hold(f"{prefix}_BASE", block.base)
        if block.interrupt is not None:
            hold(f"{prefix}_INTERRUPT", block.interrupt)
        hold(f"{macro}_OFFSET", register.address - block.base)
        hold(f"{macro}_WORDS", register.words)
        if register.count > 1:
            hold(f"{macro}_COUNT", register.count)
        for field in register.fields:
            for code in field.codes:
                hold(f"{macro}_{field.name}_{code.name}".upper(), code.value)
        for field in register.fields:
            bits = f"{macro}_{field.name}".upper()
            hold(f"{bits}_LSB", field.lsb)
            hold(f"{bits}_WIDTH", field.width)
            if register.words <= 2:
                lines.append(f'_Static_assert({bits}_MASK == UINT64_C({field.mask}), "{bits}");')
    lines.append(
        '_Static_assert(WATTSEAL_GET(0x1ab00u, WATTSEAL_UART_COMMS_STATUS_TX_LEVEL) == 0xab, "get");'
    )
    lines.append('_Static_assert(WATTSEAL_PUT(3u, WATTSEAL_UART_COMMS_STATUS_TX_LEVEL) == 0x300, "put");')
    lines.append("int main(void) { return 0; }")
    (tmp_path / "wattseal.h").write_text(FORMATS["c"](PRESETS[name]), encoding="utf-8")
    source = tmp_path / "check.c"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_generated_files_do_not_depend_on_the_sources_revision(monkeypatch):
    before = FORMATS["json"](CONFIG)
    monkeypatch.setattr("soc.chip.source_revision", lambda: bytes(range(32)))
    assert FORMATS["json"](CONFIG) == before


def test_tracked_files_lie_in_the_project():
    root = Path(subject.__file__).parent.parent
    for path in tracked_files():
        assert path.is_relative_to(root)
