from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plain_llama import Shape, attention, norm

from specsim.models import Cache, LlamaConfig, Model, forward, logits
from specsim.models.llama import attend, rms_norm

CAUSAL = np.tri(6, dtype=bool)[None]


def test_rms_norm() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((5, 16)), rng.standard_normal(16)
    ours = rms_norm(jnp.asarray(x, jnp.float32), jnp.asarray(weight, jnp.float32), epsilon=1e-5)
    np.testing.assert_allclose(ours, norm(x, weight, 1e-5), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (6, 2), (9, 3), (4, 1)])
def test_grouped_attention_matches_a_loop(heads: int, kv_heads: int) -> None:
    rng = np.random.default_rng(heads)
    query = rng.standard_normal((6, heads, 8))
    key, value = rng.standard_normal((2, 6, kv_heads, 8))
    expected = attention(Shape(1, heads, kv_heads, 1.0, 0.0), query, key, value)
    q, k, v = (jnp.asarray(array[None], jnp.float32) for array in (query, key, value))
    ours = jax.jit(attend)(q, [k], [v], mask=CAUSAL)[0]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-6)
    parted = jax.jit(attend)(q, [k[:, :2], k[:, 2:]], [v[:, :2], v[:, 2:]], mask=CAUSAL)[0]
    np.testing.assert_allclose(parted, expected, rtol=0, atol=2e-6)


def run(model: Model, tokens: np.ndarray, mask: np.ndarray, positions: np.ndarray) -> np.ndarray:
    hidden, _ = forward(
        model.params,
        model.config,
        tokens=jnp.asarray(tokens),
        positions=jnp.asarray(positions),
        mask=jnp.asarray(mask),
    )
    return np.asarray(hidden)


TOKENS = np.array([[3, 200, 17, 9, 44, 101], [5, 5, 6, 250, 0, 1]])
POSITIONS = np.arange(6)[None]


def test_rows_of_a_batch_do_not_meet(toy: Model) -> None:
    both = run(toy, TOKENS, CAUSAL, POSITIONS)
    for row in range(2):
        alone = run(toy, TOKENS[row : row + 1], CAUSAL, POSITIONS)
        np.testing.assert_allclose(both[row], alone[0], rtol=0, atol=1e-5)


def test_a_mask_hides_what_it_forbids(toy: Model) -> None:
    mask = CAUSAL.copy()
    mask[0, 5, 2] = False
    changed = TOKENS.copy()
    changed[:, 2] = 99
    # Hidden from the last token alone, token 2 still reaches it through tokens 3 and 4: hide it there too.
    through, other = (run(toy, tokens, mask, POSITIONS)[:, 5] for tokens in (TOKENS, changed))
    assert np.abs(through - other).max() > 1e-3
    mask[0, 3:, 2] = False
    np.testing.assert_array_equal(*(run(toy, t, mask, POSITIONS)[:, 3:] for t in (TOKENS, changed)))


def test_a_mask_for_each_row_of_a_batch(toy: Model) -> None:
    blind = CAUSAL.copy()
    blind[0, 4:, :2] = False
    masks = np.concatenate([CAUSAL, blind])
    both = run(toy, TOKENS, masks, np.repeat(POSITIONS, 2, axis=0))
    np.testing.assert_allclose(both[0], run(toy, TOKENS[:1], CAUSAL, POSITIONS)[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(both[1], run(toy, TOKENS[1:], blind, POSITIONS)[0], rtol=0, atol=1e-5)


def test_shifting_all_positions_changes_nothing(toy: Model) -> None:
    here, there = (run(toy, TOKENS, CAUSAL, POSITIONS + shift) for shift in (0, 40))
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-4)
    swapped = run(toy, TOKENS, CAUSAL, np.array([[0, 2, 1, 3, 4, 5]]))
    assert np.abs(here - swapped).max() > 1e-2


def test_it_runs_inside_jit(toy: Model) -> None:
    config: LlamaConfig = toy.config

    @jax.jit
    def step(params: dict, cache: Cache, tokens: jax.Array, positions: jax.Array, mask: jax.Array) -> tuple:
        return forward(params, config, tokens=tokens, positions=positions, mask=mask, cache=cache)

    mask = np.concatenate([np.zeros((1, 6, 8), bool), CAUSAL], axis=2)
    empty = Cache.empty(config, slots=8, batch=2)
    hidden, cache = step(toy.params, empty, jnp.asarray(TOKENS), jnp.asarray(POSITIONS), jnp.asarray(mask))
    np.testing.assert_allclose(hidden, run(toy, TOKENS, CAUSAL, POSITIONS), rtol=0, atol=1e-5)
    assert cache.layers == (0, 1, 2, 3)
    assert int(cache.length) == 0


def test_logits_are_hidden_states_times_the_head(toy: Model) -> None:
    hidden = run(toy, TOKENS, CAUSAL, POSITIONS)
    ours = logits(toy.params, jnp.asarray(hidden))
    np.testing.assert_allclose(ours, hidden @ toy.head().T, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": np.zeros((1, 0), int)}, r"tokens must have shape \(B, T\)"),
        ({"tokens": np.zeros(6, int)}, r"tokens must have shape \(B, T\)"),
        ({"positions": np.arange(5)[None]}, r"positions must have shape \(2, 6\), got \(1, 5\)"),
        ({"mask": CAUSAL.astype(float)}, "mask must be boolean of shape"),
        ({"mask": CAUSAL[:, :, :5]}, "mask must be boolean of shape"),
        ({"layers": (0, 4)}, r"layers must be some of 0\.\.3, got \(0, 4\)"),
        ({"layers": ()}, r"layers must be some of 0\.\.3, got \(\)"),
    ],
)
def test_arguments_that_do_not_fit(toy: Model, change: dict, message: str) -> None:
    arguments = {"tokens": TOKENS, "positions": POSITIONS, "mask": CAUSAL} | change
    with pytest.raises(ValueError, match=message):
        forward(toy.params, toy.config, **arguments)


def test_a_cache_that_does_not_fit(toy: Model) -> None:
    mask = np.concatenate([np.zeros((1, 6, 8), bool), CAUSAL], axis=2)
    arguments = {"tokens": TOKENS, "positions": POSITIONS, "mask": mask}
    with pytest.raises(ValueError, match="the cache holds 1 sequences, tokens has 2"):
        forward(toy.params, toy.config, cache=Cache.empty(toy.config, slots=8), **arguments)
    cache = Cache.empty(toy.config, slots=8, batch=2, layers=(0, 1))
    with pytest.raises(ValueError, match=r"belongs to layers \(0, 1\), asked to run \(0, 2\)"):
        forward(toy.params, toy.config, cache=cache, layers=(0, 2), **arguments)
    mask = np.concatenate([np.zeros((1, 6, 4), bool), CAUSAL], axis=2)
    small = Cache.empty(toy.config, slots=4, batch=2)
    with pytest.raises(ValueError, match="no room for 6 more tokens"):
        forward(toy.params, toy.config, cache=small, **(arguments | {"mask": mask}))
