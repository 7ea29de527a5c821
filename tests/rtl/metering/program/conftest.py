"""What tests of the metrology program share: the compiled program, fed with signals."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.microcode import Port
from rtl.metering.parameters import INPUTS, LANE_BITS, MeteringParameters
from rtl.metering.quantities import addresses
from sim.compiled_model import CompiledModel, values

NOISE = 0.5 / (1 << 23)
"""Half a step of a 24-bit word, in parts of full scale."""


class Meter:
    """A compiled metrology program: takes signals, gives windows and pulses."""

    def __init__(self, parameters, program, model):
        self.parameters = parameters
        self.model = model
        self._program = program
        self._paths = {number: ".".join(path) for path, number in addresses(parameters).items()}

    def fresh(self, **options):
        """The same meter, just powered on."""
        return Meter(self.parameters, self._program, self.model.fresh(**options))

    def run(self, lanes, **inputs):
        """Take in signals in parts of full scale, one a lane; returns what was sent."""
        words = np.clip(np.round(np.array(lanes) * (1 << 23)), -(1 << 23), (1 << 23) - 1).astype("i8")
        beside = np.zeros((words.shape[1], len(INPUTS)), "i8")
        for name, values_of in inputs.items():
            beside[:, INPUTS.index(name)] = values_of
        return self.model.run(np.hstack([words.T << LANE_BITS - 24, beside]))

    def windows(self, sent):
        """Quantities of every window that was shown."""
        found, record = [], {}
        chosen = sent[np.isin(sent["port"], [Port.QUANTITY.value, Port.QUANTITY_COMMIT.value])]
        for (port, address), value in zip(chosen[["port", "address"]].tolist(), values(chosen), strict=True):
            if port == Port.QUANTITY.value:
                record[self._paths.get(address, address)] = value
            else:
                found.append(record)
                record = {}
        return found

    def registers(self):
        """All cells that outlive a power cut."""
        cells = [path for path in self._program.cells if path.startswith("registers.")]
        return {path: self.model.get(path) for path in cells}

    def restore(self, registers):
        """Power on with the cells that a meter had before."""
        for path, value in registers.items():
            self.model.set(path, value)

    def set(self, settings):
        """Set cells of the settings."""
        for path, value in settings.items():
            self.model.set(f"settings.{path}", value)


@cache
def _compiled(parameters):
    program = compile_program(parameters)
    return program, CompiledModel(program, parameters.lanes)


@pytest.fixture(scope="session")
def meter():
    """``meter(phases, lanes, ...)``: a meter, just powered on."""

    def make(phases, lanes=None, *, lag=0, most=0, seed=0, **changes):
        # One program for each number of phases, and all outputs tested with the smaller one.
        changes.setdefault("pulse_outputs", 4 if phases == 1 else 2)
        given = {"word_bits": 24, "nominal_hz": 50, "lowest_hz": 40, "highest_hz": 70} | changes
        parameters = MeteringParameters(
            phases=phases,
            lanes=lanes or 2 * phases,
            sample_rate_hz=Fraction(8000),
            crossing_threshold_log2=10,
            **given,
        )
        program, model = _compiled(parameters)
        return Meter(parameters, program, model.fresh(lag=lag, most=most, seed=seed))

    return make
