from __future__ import annotations

import numpy as np
import plain_views as plain
import pytest

from specsim.models import (
    Full,
    GrowingTree,
    Model,
    SublayerMask,
    hidden_of_inputs,
    hidden_states,
    superpose,
    toy_model,
)
from specsim.models.embedding_input import embeddings
from specsim.models.growing import row_logits
from specsim.models.stages import stages_of

TOY = toy_model(seed=3)
TEXT = [10, 20, 30, 40, 50]
CLOSE = 2e-5


def mixtures(model: Model) -> np.ndarray:
    return np.stack(
        [
            superpose(model.params, tokens=[5, 6, 7], weights=[0.5, 0.3, 0.1]),
            superpose(model.params, tokens=[8, 9, 5], weights=[0.2, 0.2, 0.2]),
        ]
    )


@pytest.mark.parametrize("view", [Full(), SublayerMask(attention=(1,), feed=(2,))], ids=repr)
def test_mixtures_on_a_cache(view: object) -> None:
    """A draft of mixtures, committed, and tokens behind it, against plain numpy."""
    inputs = np.concatenate([np.asarray(embeddings(TOY.params, TEXT)), mixtures(TOY)])
    text = np.concatenate([inputs, np.asarray(embeddings(TOY.params, [3]))])
    expected = plain.staged(TOY, text.astype(np.float64), stages_of(view, TOY.config))
    np.testing.assert_allclose(hidden_of_inputs(TOY, text, view=view), expected, rtol=0, atol=3e-5)
    tree = GrowingTree.open(TOY.params, TOY.config, TEXT, view=view)
    hidden, tree = tree.extend([0, 0], [-1, 0], inputs=mixtures(TOY))
    np.testing.assert_allclose(hidden, expected[5:7], rtol=0, atol=3e-5)
    after, _ = tree.commit([0, 1]).extend([3, 4], [-1, -1])
    np.testing.assert_allclose(after[0], expected[7], rtol=0, atol=3e-5)


def test_embeddings_are_what_tokens_are() -> None:
    np.testing.assert_array_equal(
        hidden_of_inputs(TOY, embeddings(TOY.params, TEXT)),
        hidden_states(TOY, TEXT, {"full": Full()})["full"],
    )
    tree = GrowingTree.open(TOY.params, TOY.config, TEXT)
    by_token, _ = tree.extend([7, 8], [-1, 0])
    by_input, _ = tree.extend([0, 0], [-1, 0], inputs=embeddings(TOY.params, [7, 8]))
    np.testing.assert_array_equal(by_token, by_input)


def test_a_mixture_is_weighted() -> None:
    rows = np.asarray(TOY.params["embedding"], dtype=np.float64)
    ours = superpose(TOY.params, tokens=[5, 6], weights=[1, 3])
    np.testing.assert_allclose(ours, 0.25 * rows[5] + 0.75 * rows[6], rtol=0, atol=1e-7)


def test_what_is_refused() -> None:
    params = TOY.params
    with pytest.raises(ValueError, match="one weight a token"):
        superpose(params, tokens=[1, 2], weights=[1.0])
    with pytest.raises(ValueError, match=r"tokens must be in 0\.\.255, got 1\.\.256"):
        superpose(params, tokens=[1, 256], weights=[1.0, 1.0])
    for weights in ([1.0, -0.5], [0.0, 0.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="non-negative with a positive sum"):
            superpose(params, tokens=[1, 2], weights=weights)
    with pytest.raises(ValueError, match=r"inputs must have shape \(T, 32\), got \(2, 3\)"):
        hidden_of_inputs(TOY, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"inputs must have shape \(1, 32\), one row a node, got \(2, 32\)"):
        GrowingTree.open(params, TOY.config, TEXT).extend([1], [-1], inputs=np.zeros((2, 32)))


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    text = smollm2.tokenizer.encode("The capital of France is a city of")
    inputs = np.concatenate([np.asarray(embeddings(smollm2.params, text)), mixtures(smollm2)])
    expected = hidden_of_inputs(smollm2, inputs)[-2:] @ smollm2.head().T
    tree = GrowingTree.open(smollm2.params, smollm2.config, text)
    first, tree = tree.extend([0], [-1], inputs=inputs[-2:-1])
    second, _ = tree.commit([0]).extend([0], [-1], inputs=inputs[-1:])
    ours = row_logits(smollm2.params, np.concatenate([first, second]))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=5e-4)
