"""Models for the tests: a toy of random weights, and packaged real ones where their packages can be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from specsim.models import Model, ModelUnavailable, load, toy_model

sys.path.insert(0, str(Path(__file__).parent))  # the plain implementation and the reference's definitions


def packaged(name: str) -> Model:
    """A packaged model, or a skip that says why there is none."""
    try:
        return load(name)
    except ModelUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def toy() -> Model:
    return toy_model(seed=0)


@pytest.fixture(scope="session")
def glassllm() -> Model:
    return packaged("glassllm-en")


@pytest.fixture(scope="session")
def smollm2() -> Model:
    return packaged("smollm2-135m")
