"""The integer model of the metering engine: the metrology program, run by Python; bit-exact to the RTL."""

from .parameters import Constants
from .program import Machine, sample_set

__all__ = ["MeteringModel"]


class _Record(dict):
    """Quantities by their path, as the program writes them; ``commit`` hands over a complete set."""

    def __init__(self, emit):
        super().__init__()
        self._emit = emit

    def commit(self):
        self._emit(
            {".".join(path) if isinstance(path, tuple) else path: value for path, value in self.items()}
        )


class _History(list):
    """Sample sets so far, the newest first by its index."""

    def __getitem__(self, back):
        return super().__getitem__(-1 - back)


class MeteringModel:
    """Integer model of the metering engine.

    Parameters
    ----------
    parameters : MeteringParameters
        What the engine is made for.
    """

    def __init__(self, parameters):
        self.constants = Constants(parameters)
        self.machine = Machine(self.constants, parameters.phases)
        self._alignment = parameters.alignment
        self._history = _History([[0] * parameters.lanes] * parameters.history)
        self._windows = []
        self._record = _Record(self._windows.append)

    def run(self, samples):
        """Take in ``samples``, an integer array of shape (sample sets, lanes) of input words.

        Returns the quantities of every window that ended meanwhile, a dictionary from path to integer each.
        """
        self._windows.clear()
        machine, constants, history, record = self.machine, self.constants, self._history, self._record
        needed = len(history)
        for lanes in (samples.astype("int64") << self._alignment).tolist():
            history.append(lanes)
            sample_set(machine, constants, history, record)
        list.__delitem__(history, slice(0, -needed))
        return list(self._windows)
