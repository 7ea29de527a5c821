"""Memory of the metrology program: what a field's annotation means to the model and to the compiler."""

__all__ = ["State", "Wide", "Word"]


class Word:
    """Annotation of a value of 36 bits, which can be a factor."""


class Wide:
    """Annotation of a value of 108 bits, which is a sum."""


class State:
    """Fields that outlive a sample set.

    A field is declared as ``name: Word = initial``, ``name: Wide = initial`` or ``name: SomeState``. As a
    Python object it holds plain integers, and is the model's memory; the compiler gives every field a cell
    of the engine's memories.
    """

    def __init__(self):
        for name, kind in type(self).__annotations__.items():
            setattr(self, name, getattr(type(self), name) if kind in (Word, Wide) else kind())

    @classmethod
    def kind(cls, name):
        """``Word``, ``Wide`` or a `State` class: the annotation of field ``name``; None if it is no field."""
        return cls.__annotations__.get(name)
