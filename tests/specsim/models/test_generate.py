from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsim.models import Model
from specsim.models.sampling import sample_token


def test_greedy_follows_the_logits(toy: Model) -> None:
    prompt = toy.tokenizer.encode("speculate")
    text = list(prompt)
    for token in toy.generate(prompt, max_new_tokens=12, temperature=0.0):
        assert token == int(np.argmax(toy.next_token_logits(text)))
        text.append(token)


def test_a_seed_names_a_trajectory(toy: Model) -> None:
    runs = {seed: toy.generate([1, 2, 3], max_new_tokens=20, temperature=1.0, seed=seed) for seed in range(3)}
    assert runs[0] == toy.generate([1, 2, 3], max_new_tokens=20, temperature=1.0, seed=0)
    assert len({tuple(run) for run in runs.values()}) == 3
    assert all(len(run) == 20 for run in runs.values())


def test_an_end_token_is_the_last_one(toy: Model) -> None:
    free = toy.generate([1, 2, 3], max_new_tokens=20, temperature=1.0, seed=0)
    end = free[5]
    ending = replace(toy, tokenizer=replace(toy.tokenizer, end_tokens=(end,)))
    stopped = ending.generate([1, 2, 3], max_new_tokens=20, temperature=1.0, seed=0)
    assert stopped == free[: free.index(end) + 1]


def test_what_generate_refuses(toy: Model) -> None:
    assert toy.generate([1], max_new_tokens=0) == []
    with pytest.raises(ValueError, match="max_new_tokens must be at least 0, got -1"):
        toy.generate([1], max_new_tokens=-1)
    with pytest.raises(ValueError, match="temperature must be finite and at least 0"):
        toy.generate([1], max_new_tokens=1, temperature=-0.5)
    with pytest.raises(ValueError, match="temperature must be finite and at least 0"):
        toy.generate([1], max_new_tokens=1, temperature=float("nan"))
    with pytest.raises(ValueError, match="513 tokens don't fit in the model's context of 512"):
        toy.generate([1], max_new_tokens=512)
    with pytest.raises(ValueError, match="non-empty"):
        toy.generate([], max_new_tokens=5)


def frequencies(logits: np.ndarray, temperature: float, count: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    draws = [sample_token(logits, temperature=temperature, rng=rng) for _ in range(count)]
    return np.bincount(draws, minlength=len(logits)) / count


def test_samples_follow_the_law() -> None:
    """Each frequency within 6.2 standard errors: false-alarm rate below 5 * 6e-10 by the normal tail."""
    logits, count = np.array([0.0, 1.0, -2.0, 0.5, -1e30], dtype=np.float32), 20000
    for temperature in (1.0, 0.6):
        law = np.exp(logits.astype(np.float64) / temperature)
        law /= law.sum()
        error = np.sqrt(law * (1 - law) / count)
        seen = frequencies(logits, temperature, count)
        assert (np.abs(seen - law) <= 6.2 * error).all()
        assert seen[4] == 0
    flat = np.exp(logits.astype(np.float64))
    flat /= flat.sum()
    wrong = np.abs(frequencies(logits, 0.6, count) - flat)
    assert (wrong > 6.2 * np.sqrt(flat * (1 - flat) / count)).any()  # the wrong temperature is seen


def test_extreme_temperatures() -> None:
    logits = np.array([1.0, 2.0, 1.5])
    rng = np.random.default_rng(0)
    assert {sample_token(logits, temperature=1e-300, rng=rng) for _ in range(20)} == {1}
    assert {sample_token(logits, temperature=1e300, rng=rng) for _ in range(99)} == {0, 1, 2}
