"""Memory of the metrology program: what a field's annotation means to the model and to the compiler."""

__all__ = ["Array", "Dot", "Field", "State", "Wide", "Word", "fields"]


class Word:
    """Annotation of a value of 36 bits, which can be a factor."""


class Wide:
    """Annotation of a value of 108 bits, which is a sum."""


class State:
    """Fields that outlive a sample set.

    A field is declared as ``name: Word = initial``, ``name: Wide = initial`` or ``name: SomeState``. As a
    Python object it holds plain integers, and is the model's memory; the compiler gives every field a cell
    of the engine's memories. Attributes that are an `Array`, a `State` or a list of these belong to it too.
    """

    def __init__(self):
        for name, kind in type(self).__annotations__.items():
            setattr(self, name, getattr(type(self), name) if kind in (Word, Wide) else kind())

    @classmethod
    def kind(cls, name):
        """``Word``, ``Wide`` or a `State` class: the annotation of field ``name``; None if it is no field."""
        return cls.__annotations__.get(name)


class Field:
    """A field by its name, in program text that goes through fields: ``value`` is what it holds."""

    def __init__(self, state, name):
        self.state = state
        self.name = name

    @property
    def value(self):
        return getattr(self.state, self.name)

    @value.setter
    def value(self, value):
        setattr(self.state, self.name, value)


def fields(state, path=""):
    """Pairs of path and `Field` of all that ``state`` holds, in the order of its cells in the engine."""
    for name in type(state).__annotations__:
        if state.kind(name) in (Word, Wide):
            yield path + name, Field(state, name)
        else:
            yield from fields(getattr(state, name), f"{path}{name}.")
    for name, group in vars(state).items():
        if name not in type(state).__annotations__:
            members = enumerate(group) if isinstance(group, list) else [("", group)]
            for index, each in members:
                if isinstance(each, State):
                    yield from fields(each, f"{path}{name}.{index}.".replace("..", "."))


class Array:
    """Words in the engine's array memory, read and written by an index that wraps round.

    Parameters
    ----------
    length : int
        Words, a power of two.

    Raises
    ------
    ValueError
        If the length is no power of two.
    """

    def __init__(self, length):
        if length < 1 or length & length - 1:
            raise ValueError(f"Length of an array must be a power of two, not {length!r}")
        self.length = length
        self._words = [0] * length

    def __getitem__(self, index):
        return self._words[index % self.length]

    def __setitem__(self, index, value):
        self._words[index % self.length] = value


class Dot:
    """A dot product of an array with a table of constants: what `rtl.metering.arithmetic.dot` computes.

    Parameters
    ----------
    table : tuple of int
        The constants.
    count : int
        Products to be summed.
    start : int, optional
        Entry of the table at which every product sum starts; then the argument is the stride, and the table
        wraps round. Without it the argument is the entry to start at, and the stride is 1.

    Raises
    ------
    ValueError
        If a table that wraps round has a length that is no power of two.
    """

    def __init__(self, table, count, start=None):
        if start is not None and len(table) & len(table) - 1:
            raise ValueError(f"Length of a table that wraps round must be a power of two, not {len(table)}")
        self.table = table
        self.count = count
        self.start = start

    def entries(self, argument):
        """Entries of the table that the products take, in order."""
        if self.start is None:
            return range(argument, argument + self.count)
        return ((self.start + step * argument) % len(self.table) for step in range(self.count))
