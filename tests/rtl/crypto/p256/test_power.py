"""The chains of the inversions."""

import random

import pytest

from rtl.crypto.p256.arithmetic import MODULI, Modulo
from rtl.crypto.p256.microcode import Control
from rtl.crypto.p256.power import power


class _Products:
    """Takes the instructions and does them at once, in plain numbers."""

    def __init__(self, modulus, base):
        self.modulus, self.registers, self.repeat, self.count = modulus, {0: base}, 0, 0

    def multiply(self, target, left, right, modulo):
        for _ in range(self.repeat + 1):
            self.registers[target] = self.registers[left] * self.registers[right] % self.modulus
            self.count += 1
        self.repeat = 0

    def control(self, control, value):
        assert control == Control.REPEAT
        assert value > 0
        self.repeat = value


@pytest.mark.parametrize("modulo", Modulo)
def test_chains_invert(modulo):
    modulus = MODULI[modulo].value
    for base in (1, 2, modulus - 1, random.Random(modulo.value).randrange(modulus)):
        products = _Products(modulus, base)
        power(products, modulus - 2, modulo, range(12))
        assert products.registers[11] == pow(base, -1, modulus)
    assert products.count < 325


@pytest.mark.parametrize("exponent", [16, 48, 511, 0x1_0000_0000, 0xFFFF_FFFF_0000_00F0, 12345])
def test_any_exponent(exponent):
    modulus = MODULI[Modulo.P].value
    products = _Products(modulus, 3)
    power(products, exponent, Modulo.P, range(12))
    assert products.registers[11] == pow(3, exponent, modulus)


@pytest.mark.parametrize("exponent", [1, 15, 255, 0xFFFF_FFFF])
def test_a_power_that_is_kept_anyway_is_refused(exponent):
    with pytest.raises(ValueError, match=f"not {exponent}"):
        power(_Products(7, 3), exponent, Modulo.P, range(12))
