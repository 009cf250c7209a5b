"""Early exits with an adapter, and verification that continues from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_views as plain
import pytest

from specsim.models import EarlyExit, Full, Model, SplitTree, hidden_states, toy_model, with_adapter
from specsim.models.adapters import adapter_shapes, logit_lens
from specsim.models.growing import row_logits
from specsim.models.toy import random_arrays

TOY = toy_model(seed=3)
TEXT = [(31 * i + 7) % 256 for i in range(9)]
CLOSE = 2e-5


def adapted(model: Model, seed: int = 1) -> Model:
    weights = random_arrays(adapter_shapes(model.config), rng=np.random.default_rng(seed))
    return replace(model, params=with_adapter(model.params, model.config, name="small", weights=weights))


def state(model: Model, tokens: list[int], view: object = None) -> np.ndarray:
    return hidden_states(model, tokens, {"view": view or Full()})["view"][-1]


def test_an_adapter_is_what_plain_numpy_says() -> None:
    model, view = adapted(TOY), EarlyExit(2, adapter="small")
    ours = hidden_states(model, TEXT, {"draft": view, "lens": EarlyExit(2)})
    expected = plain.staged(model, plain.embedded(model, TEXT), view.stages(model.config))
    np.testing.assert_allclose(ours["draft"], expected, rtol=0, atol=3e-5)
    assert np.abs(ours["draft"] - ours["lens"]).max() > 0.1


def test_the_neutral_adapter_is_the_lens() -> None:
    params = with_adapter(TOY.params, TOY.config, name="none", weights=logit_lens(TOY.params, TOY.config))
    model = replace(TOY, params=params)
    states = hidden_states(model, TEXT, {"adapter": EarlyExit(3, adapter="none"), "lens": EarlyExit(3)})
    np.testing.assert_array_equal(states["adapter"], states["lens"])
    assert "adapters" not in TOY.params


@pytest.mark.parametrize("name", [None, "small"])
def test_shallow_then_deep_equals_the_whole(name: str | None) -> None:
    """Two rounds: draft level by level, verify what is new, commit a branch; then roll back and go on."""
    model, view = adapted(TOY), EarlyExit(2, adapter=name)
    tree = SplitTree.open(model.params, model.config, TEXT, view=view)
    text = list(TEXT)
    for first, second in (([5, 6], [7, 8]), ([9, 10], [11, 12])):
        drafted, tree = tree.draft(first, [-1, -1])
        more, tree = tree.draft(second, [0, 1])
        rows = np.concatenate([drafted, more])
        verified, tree = tree.verify()
        for node in range(4):
            path = text + [tree.trunk.tokens[step] for step in tree.trunk.path(node)]
            np.testing.assert_allclose(rows[node], state(model, path, view), rtol=0, atol=CLOSE)
            np.testing.assert_allclose(verified[node], state(model, path), rtol=0, atol=CLOSE)
        late, tree = tree.draft([13, 14], [3, 3])
        seen, tree = tree.verify()
        path = [*text, first[1], second[1], 13]
        np.testing.assert_allclose(late[0], state(model, path, view), rtol=0, atol=CLOSE)
        np.testing.assert_allclose(seen[0], state(model, path), rtol=0, atol=CLOSE)
        tree = tree.commit([1, 3, 4])
        text += [first[1], second[1], 13]
        assert (tree.length, tree.nodes) == (len(text), 0)
        _, tree = tree.draft([1, 2], [-1, 0])
        tree = tree.rollback()


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="an exit after all 4 layers leaves none to verify with"):
        SplitTree.open(TOY.params, TOY.config, TEXT, view=EarlyExit(4))
    with pytest.raises(ValueError, match=r"there is no adapter 'small' among \[\]"):
        SplitTree.open(TOY.params, TOY.config, TEXT, view=EarlyExit(2, adapter="small"))
    tree = SplitTree.open(TOY.params, TOY.config, TEXT, view=EarlyExit(2))
    with pytest.raises(ValueError, match="there is nothing to verify"):
        tree.verify()
    _, tree = tree.draft([1, 2], [-1, 0])
    with pytest.raises(ValueError, match=r"\[0\] has nodes that weren't verified"):
        tree.commit([0])
    weights = logit_lens(TOY.params, TOY.config)
    wrong = {key: weights[key] for key in weights if key != "norm"} | {"gate": weights["norm"]}
    with pytest.raises(ValueError, match=r"missing arrays \['norm'\], unexpected arrays \['gate'\]"):
        with_adapter(TOY.params, TOY.config, name="bad", weights=wrong)
    with pytest.raises(ValueError, match=r"norm has shape \(3,\), expected \(32,\)"):
        with_adapter(TOY.params, TOY.config, name="bad", weights=weights | {"norm": np.ones(3)})


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    model = adapted(smollm2)
    text = model.tokenizer.encode("The capital of France is a city of light and love, of bread")
    tree = SplitTree.open(model.params, model.config, text[:-3], view=EarlyExit(8, adapter="small"))
    drafted, tree = tree.draft([text[-3], 11], [-1, 0])
    verified, tree = tree.verify()
    states = hidden_states(model, text, {"d": EarlyExit(8, adapter="small"), "t": Full()})
    head = model.head().T
    for ours, name in ((drafted, "d"), (verified, "t")):
        np.testing.assert_allclose(
            row_logits(model.params, ours)[0], states[name][-3] @ head, rtol=0, atol=5e-4
        )
    _, tree = tree.commit([0]).draft(text[-2:], [-1, 0])
    verified, tree = tree.verify()
    np.testing.assert_allclose(row_logits(model.params, verified), states["t"][-2:] @ head, rtol=0, atol=5e-4)
