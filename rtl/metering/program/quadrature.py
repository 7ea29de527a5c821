"""Quadrature: every part of the current turned against the voltage by 90°, for Budeanu's reactive power."""

from ..state import State, Word
from .channels import Sum, cut

__all__ = ["Quadrature", "cut_quadrature", "lay_down_quadrature", "turn"]


class Section(State):
    """An all-pass of first order on every second sample: its output, and the one before."""

    y: Word = 0
    before: Word = 0


class Quadrature(State):
    """Two chains of all-passes, whose phases differ by 90° from 42 Hz to 3.9 kHz of 8 kS/s.

    The voltage passes one chain a sample late, the current the other. Their gain is 1 at every frequency, so
    the mean product of the outputs is the sum of V·I·sin φ over all frequencies. A section sees every second
    sample: even and odd ones have sections of their own.
    """

    v: Word = 0
    v_before: Word = 0
    v_then: Word = 0
    v_then_before: Word = 0
    i: Word = 0
    i_before: Word = 0
    i_then: Word = 0
    i_then_before: Word = 0
    sum_vi: Sum

    def __init__(self, k):
        super().__init__()
        chains = len(k.turn_v) + 1, len(k.turn_i) + 1
        self.even, self.odd = ([[Section() for _ in range(count)] for count in chains] for _ in range(2))
        self.sections = [each for half in (self.even, self.odd) for chain in half for each in chain]


def turn(k, p, odd):
    """Pass the newest sample through the chains, and add the product of their outputs."""
    q = p.quadrature
    q.v_before = q.v
    q.i_before = q.i
    if odd > 0:
        pass_chains(k, p, q, q.odd)
    else:
        pass_chains(k, p, q, q.even)
    q.sum_vi.total = q.sum_vi.total + q.v * q.i


def pass_chains(k, p, q, chains):
    """Run both chains on the sections ``chains``."""
    pass_chain(k.turn_bits, k.turn_v, chains[0], p.v.before * k.turn_guard)
    pass_chain(k.turn_bits, k.turn_i, chains[1], p.i.value * k.turn_guard)
    q.v = chains[0][-1].y
    q.i = chains[1][-1].y


def pass_chain(bits, factors, sections, x):
    """One chain: y[n] = a (x[n] + y[n - 2]) - x[n - 2] in each section; its x is the y of the one before."""
    sections[0].before = sections[0].y
    sections[0].y = x
    for index in range(len(factors)):
        pass_section(bits, factors[index], sections[index], sections[index + 1])


def pass_section(bits, factor, source, section):
    """One section; ``source`` is the one before it."""
    section.before = section.y
    section.y = ((factor * section.y + factor * source.y) >> bits) - source.before


def lay_down_quadrature(q):
    """Keep what the background needs of the window that ends."""
    q.sum_vi.then = q.sum_vi.total
    q.v_then = q.v
    q.v_then_before = q.v_before
    q.i_then = q.i
    q.i_then_before = q.i_before


def cut_quadrature(m, k, q):
    """End the window's sum."""
    va = (m.cut_a * q.v_then_before) >> k.weight_bits
    vb = (m.cut_b * q.v_then) >> k.weight_bits
    cut(q.sum_vi, va, q.i_then_before, vb, q.i_then)
