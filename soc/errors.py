"""The one exception that means: the user gave something that cannot be used."""

__all__ = ["InputError"]


class InputError(Exception):
    """A wrong file, option or value; the message is one sentence with its place and the remedy.

    The command prints the sentence and exits with status 2.
    """
