"""The integer model of the metering engine: the metrology program, run by Python; bit-exact to the RTL."""

from .constants import Constants
from .microcode import Port
from .parameters import INPUTS
from .program.machine import Machine, sample_set
from .quantities import paths

__all__ = ["MeteringModel"]


class _Outputs:
    """The ports: what the program sends, in order, and the background that it starts."""

    def __init__(self, addresses):
        self.sent = []
        self.waiting = None
        self._addresses = addresses

    def __setitem__(self, path, value):
        path = path if isinstance(path, tuple) else (path,)
        self.send(Port.QUANTITY, self._addresses[path], value)

    def send(self, port, address, value):
        self.sent.append((port, address, value))

    def background(self, function, *arguments):
        assert self.waiting is None, "the background was to start before it had ended"
        self.waiting = function, arguments


class MeteringModel:
    """Integer model of the metering engine.

    Parameters
    ----------
    parameters : MeteringParameters
        What the engine is made for.
    lag : int
        Sample sets by which the background runs late: results do not depend on it as long as it ends in time.
    """

    def __init__(self, parameters, lag=0):
        self.constants = Constants(parameters)
        self.machine = Machine(self.constants, parameters)
        self._alignment = parameters.alignment
        self._lag = lag
        self._late = 0
        self._outputs = _Outputs(self.constants.addresses)
        self._paths = paths(parameters)

    def sent(self, samples, inputs=None):
        """Take in ``samples``, an integer array of shape (sample sets, lanes) of input words.

        ``inputs`` has a column for each of `INPUTS`; without it they are 0. Returns all that was sent
        meanwhile: a list of (port, address, value).
        """
        out = self._outputs
        out.sent = []
        lanes = (samples.astype("int64") << self._alignment).tolist()
        beside = [[0] * len(INPUTS)] * len(lanes) if inputs is None else inputs.astype("int64").tolist()
        for lane_values, input_values in zip(lanes, beside, strict=True):
            sample_set(self.machine, self.constants, lane_values + input_values, out)
            self._late += 1
            if out.waiting is None:
                self._late = 0
            elif self._late > self._lag:
                function, arguments = out.waiting
                function(*arguments)
                out.waiting = None
        return out.sent

    def run(self, samples, inputs=None):
        """Quantities of every window that ended in ``samples``, a dictionary from path to integer each."""
        windows, record = [], {}
        for port, address, value in self.sent(samples, inputs):
            if port is Port.QUANTITY:
                record[self._paths[address]] = value
            elif port is Port.QUANTITY_COMMIT:
                windows.append(record)
                record = {}
        return windows
