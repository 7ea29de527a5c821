"""What vectors are put to where the chip is not in question."""

import pytest

from sim.vectors.reference_engine import ReferenceEngine


@pytest.fixture(scope="session")
def reference():
    return ReferenceEngine()
