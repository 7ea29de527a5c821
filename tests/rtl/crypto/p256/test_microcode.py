"""The assembler."""

import pytest
from amaranth.lib import data

from rtl.crypto.p256.arithmetic import Modulo, Operation
from rtl.crypto.p256.microcode import (
    ADDRESS_BITS,
    WORD_BITS,
    Area,
    ArithmeticWord,
    Assembler,
    Condition,
    Control,
    ControlWord,
    Kind,
    Request,
    RequestWord,
    Select,
)


@pytest.fixture
def asm():
    return Assembler(variant="row")


def _unpacked(shape, word):
    return data.Const(shape.as_shape(), word)


def test_instructions_keep_their_fields(asm):
    asm.multiply(1, 62, 3, Modulo.N, indexed="lr")
    asm.select(4, 5, 6, Select.ZERO)
    asm.request(Request.FETCH, Area.HMAC_KEY, 9, 3)
    asm.label("here")
    asm.jump_unless("here", Condition.MORE)
    first, second, third, fourth = asm.words()
    product = _unpacked(ArithmeticWord, first)
    assert (product.operation, product.modulus) == (Operation.MULTIPLY, Modulo.N)
    assert (product.target, product.left, product.right) == (1, 62, 3)
    assert (product.target_indexed, product.left_indexed, product.right_indexed) == (0, 1, 1)
    choice = _unpacked(ArithmeticWord, second)
    assert (choice.operation, choice.select) == (Operation.SELECT, Select.ZERO)
    request = _unpacked(RequestWord, third)
    assert (request.kind, request.request, request.area) == (Kind.REQUEST, Request.FETCH, Area.HMAC_KEY)
    assert (request.register, request.argument) == (9, 3)
    jump = _unpacked(ControlWord, fourth)
    assert (jump.control, jump.condition, jump.negate) == (Control.JUMP, Condition.MORE, 1)
    assert jump.value == 3
    assert max(asm.words()) < 1 << WORD_BITS


def test_labels_may_come_later(asm):
    asm.call("later")
    asm.back()
    asm.label("later")
    assert _unpacked(ControlWord, asm.words()[0]).value == 2


def test_a_label_is_used_once(asm):
    asm.label("here")
    with pytest.raises(ValueError, match="Label 'here' must be used once"):
        asm.label("here")


def test_an_unknown_label_is_an_error(asm):
    asm.jump("nowhere")
    with pytest.raises(KeyError, match="nowhere"):
        asm.words()


def test_a_program_that_is_too_long_is_refused(asm):
    for _ in range((1 << ADDRESS_BITS) + 1):
        asm.back()
    with pytest.raises(ValueError, match="must have 1024 instructions or fewer, not 1025"):
        asm.words()
