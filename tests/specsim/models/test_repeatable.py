"""The same call gives the same bits in a new process."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from specsim.models import Full, LayerMask, Model, hidden_states, load, toy_model


def digest(model: Model) -> str:
    """A digest of hidden states of two views and of a sampled continuation."""
    vocabulary, context = model.config.vocabulary, model.config.context
    text = [(7919 * i + 13) % vocabulary for i in range(min(100, context))]
    states = hidden_states(
        model, text, {"target": Full(), "draft": LayerMask.middle(1, of=model.config.layers)}
    )
    new = model.generate(text[:20], max_new_tokens=12, temperature=0.8, seed=4)
    content = b"".join(states[name].tobytes() for name in sorted(states))
    return hashlib.sha256(content + repr(new).encode()).hexdigest()


def in_a_new_process(*names: str) -> list[str]:
    code = f"import runpy; runpy.run_path({__file__!r})['main']({names!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def main(names: list[str]) -> None:
    """Write the digests of models by their names."""
    for name in names:
        sys.stdout.write(digest(toy_model(seed=0) if name == "toy" else load(name)) + "\n")


def test_digests_tell_models_apart(toy: Model) -> None:
    assert digest(toy) == digest(toy_model(seed=0)) != digest(toy_model(seed=1))


def test_small_models(toy: Model, glassllm: Model) -> None:
    assert in_a_new_process("toy", "glassllm-en") == [digest(toy), digest(glassllm)]


@pytest.mark.slow
def test_smollm2(smollm2: Model) -> None:
    assert in_a_new_process("smollm2-135m") == [digest(smollm2)]
