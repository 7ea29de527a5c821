"""What tests of several engines share: what a simulated design keeps, at the end of a trace."""

import pytest


def _kept(path):
    """Last value of every signal and memory word that a trace has, by name."""
    names, values, scope = {}, {}, []
    for line in path.read_text().splitlines():
        parts = line.split()
        if not parts:
            continue
        if parts[0] == "$scope":
            scope.append(parts[2])
        elif parts[0] == "$upscope":
            scope.pop()
        elif parts[0] == "$var":
            names[".".join((*scope, parts[4]))] = parts[3]
        elif parts[0][0] in "bs":
            values[parts[1]] = parts[0]
        elif parts[0][0] in "01x":
            values[parts[0][1:]] = parts[0][0]
    return {name: values[code] for name, code in names.items()}


@pytest.fixture(scope="session")
def kept():
    """Reads a trace to its end: what registers and memories hold then."""
    return _kept
