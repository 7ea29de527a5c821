import pytest

from sim.recordings.comtrade_parts import Parts, read_config, read_parts
from soc.errors import InputError

CFG = """Station,1,1999
2,2A,0D
1,U,A,,V,0.01,0,0,-32767,32767,1,1,P
2,I,A,,A,0.01,0,0,-32767,32767,1,1,P
50
1
4000,400
12/05/2023,19:45:26.539616
12/05/2023,19:45:26.619616
ASCII
1
"""


def _config(tmp_path, text):
    return read_config(Parts(tmp_path / "f.cfg", text, "utf-8", tmp_path / "f.dat", b""))


def test_configuration(tmp_path):
    cfg, form = _config(tmp_path, "\ufeff" + CFG.replace("ASCII", "ascii"))
    assert form == "ASCII"
    assert [channel.name for channel in cfg.analog_channels] == ["U", "I"]
    assert cfg.sample_rates == [[4000.0, 400]]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "2,2A,0D",
            "2,xA,0D",
            "f.cfg: line 2 of the configuration is '2,xA,0D'; "
            "it must hold the numbers of channels, such as 7,4A,3D",
        ),
        (
            "2,2A,0D",
            "5,2A,0D",
            "f.cfg: line 2 of the configuration states 5 channels, but 2 analogue and 0 status ones; "
            "the first number must be the sum of the others",
        ),
        (
            "2,2A,0D",
            "99999999999,99999999999A,0D",
            "f.cfg: line 2 of the configuration states 99999999999 channels, but there are only 12 lines; "
            "each channel needs one",
        ),
        (
            "2,2A,0D",
            "2,0D,2A",
            "f.cfg: line 2 of the configuration is '2,0D,2A'; "
            "it must hold the numbers of channels, such as 7,4A,3D",
        ),
        (
            "50\n1\n",
            "50\n99999999999\n",
            "f.cfg: line 8 of the configuration is '12/05/2023,19:45:26.539616'; "
            "it must hold a rate and its last record",
        ),
        (
            "I,A,,A,0.01",
            "I,A,,A,0.0.1",
            "f.cfg: line 4 of the configuration is '2,I,A,,A,0.0.1,0,0,-32767,32767,1,1,P'; "
            "it must hold the 13 fields of an analogue channel",
        ),
        (
            CFG[CFG.index("4000") :],
            "",
            "f.cfg: line 7 of the configuration holds nothing, as if the file was cut; "
            "it must hold a rate and its last record",
        ),
        (
            "ASCII",
            "TEXT",
            "f.cfg: states data of form 'TEXT'; it must be one of ASCII, BINARY, BINARY32, FLOAT32",
        ),
        (
            CFG[CFG.index("2,2A") : CFG.index("50\n")],
            "0,0A,0D\n",
            "f.cfg: states no analogue channels; a voltage and a current are needed",
        ),
    ],
)
def test_refused_configurations(tmp_path, old, new, sentence):
    assert old in CFG
    with pytest.raises(InputError) as caught:
        _config(tmp_path, CFG.replace(old, new))
    assert str(caught.value).replace(str(tmp_path) + "/", "") == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello", "f.cff: has no section '--- file type: CFG ---'; a .cff file needs one"),
        (
            b"--- file type: CFG ---\n1\n",
            "f.cff: has no section '--- file type: DAT ---'; a .cff file needs one",
        ),
        (
            b"--- file type: CFG ---\n1\n--- file type: DAT BINARY: 99 ---\n12345",
            "f.cff: its DAT section has 5 of 99 bytes; the file was cut",
        ),
    ],
)
def test_refused_sections(tmp_path, content, sentence):
    path = tmp_path / "f.cff"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_parts(path)
    assert str(caught.value).replace(str(tmp_path) + "/", "") == sentence


def test_a_binary_section_may_hold_what_looks_like_a_header(tmp_path):
    data = b"\x01\n--- file type: CFG ---\nno\n"
    path = tmp_path / "f.cff"
    path.write_bytes(b"--- file type: CFG ---\nyes\n--- file type: DAT BINARY: %d ---\n" % len(data) + data)
    parts = read_parts(path)
    assert (parts.cfg, parts.dat) == ("yes\n", data)
