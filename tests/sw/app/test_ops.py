"""Operations refuse what no bus could perform, with a sentence that says why."""

import pytest

from sw.app.ops import BusError, Read, Wait, Write


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Read(0x10, 0), "An access must have one word or more, not 0"),
        (lambda: Write(0x10, ()), "An access must have one word or more, not 0"),
        (lambda: Read(0x12), "not start at 0x12"),
        (lambda: Read(-4), "not start at -0x4"),
        (lambda: Read(0xFFFF_FFFC, 2), "An access of 2 words must .* end within 32 address bits"),
        (lambda: Write(0, (1, 1 << 32)), "A word must be 0 to 0xffffffff, not 0x100000000"),
        (lambda: Write(0, (-1,)), "A word must be 0 to 0xffffffff, not -0x1"),
        (lambda: Wait(1 << 32, 1), "An interrupt mask must be 0 to 0xffffffff"),
        (lambda: Wait(), "or it never ends"),
        (lambda: Wait(1, -1), "A wait must last 0 clocks or more, not -1"),
    ],
)
def test_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_accepted():
    assert Read(0xFFFF_FFF8, 2).count == 2
    assert Wait(1).cycles is None
    assert Wait(0, 0).mask == 0
    assert str(BusError(0x1234)) == "bus error at address 0x00001234"
