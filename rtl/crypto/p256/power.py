"""Inversion by Fermat: a chain of squarings and products for a constant exponent."""

from .microcode import Control

__all__ = ["power"]

_WINDOW = 4
_RUNS = (32, 16, 8)  # long runs of ones, which these primes have


def _pieces(exponent):
    """Cut an exponent into pieces, (piece, its bits) from the top; a piece is odd, or 0 for one zero."""
    bits, pieces = bin(exponent)[2:], []
    while bits:
        run = next((run for run in _RUNS if bits.startswith("1" * run)), None)
        length = run or (1 if bits[0] == "0" else len(bits[:_WINDOW].rstrip("0")))
        pieces.append((int(bits[:length], 2), length))
        bits = bits[length:]
    return pieces


def power(asm, exponent, modulo, registers):
    """Instructions that put a power of the first register into the last one.

    Parameters
    ----------
    asm : Assembler
        Takes the instructions.
    exponent : int
        The exponent, a constant; the order of instructions depends on nothing else.
    modulo : Modulo
        Of the products.
    registers : sequence of int
        Twelve registers: base, its odd powers up to 15, those of 8, 16 and 32 ones, the result.

    Raises
    ------
    ValueError
        If the exponent is one of these powers itself.
    """
    result = registers[-1]
    place = {1: registers[0]}

    def square(target, source, times):
        asm.multiply(target, source, source, modulo)
        if times > 2:
            asm.control(Control.REPEAT, times - 2)
        if times > 1:
            asm.multiply(target, target, target, modulo)

    square(result, registers[0], 1)
    for number, odd in enumerate(range(3, 1 << _WINDOW, 2), start=1):
        place[odd] = registers[number]
        asm.multiply(place[odd], place[odd - 2], result, modulo)
    half, ones = place[(1 << _WINDOW) - 1], _WINDOW
    for number, run in enumerate(reversed(_RUNS), start=8):
        square(result, half, ones)
        asm.multiply(registers[number], result, half, modulo)
        half, ones = registers[number], run
        place[(1 << run) - 1] = half
    (top, _), *pieces = _pieces(exponent)
    if not pieces:
        raise ValueError(f"An exponent must be more than one of the powers that are kept, not {exponent}")
    source, pending = place[top], 0
    for piece, length in pieces:
        pending += length
        if piece:
            square(result, source, pending)
            asm.multiply(result, result, place[piece], modulo)
            source, pending = result, 0
    if pending:
        square(result, source, pending)
