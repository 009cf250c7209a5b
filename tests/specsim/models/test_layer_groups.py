from __future__ import annotations

import numpy as np
import plain_views as plain
import pytest

from specsim.models import (
    EarlyExit,
    Full,
    GrowingTree,
    LayerGroups,
    Model,
    calibrate,
    hidden_states,
    prefill,
    toy_model,
)
from specsim.models.growing import row_logits

TOY = toy_model(seed=3)
TEXT = [(31 * i + 7) % 256 for i in range(9)]
CLOSE = 2e-5
PAIRS = LayerGroups(((1, 2),))
WHOLE = LayerGroups(((0, 1, 2),), whole=True)


@pytest.mark.parametrize("view", [PAIRS, LayerGroups(((0, 1), (2, 3))), WHOLE], ids=repr)
def test_groups_are_what_plain_numpy_says(view: LayerGroups) -> None:
    ours = hidden_states(TOY, TEXT, {"view": view})["view"]
    expected = plain.staged(TOY, plain.embedded(TOY, TEXT), view.stages(TOY.config))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=3e-5)
    assert np.abs(ours - hidden_states(TOY, TEXT, {"full": Full()})["full"]).max() > 0.05


def test_groups_of_one_are_the_model() -> None:
    views = {
        "full": Full(),
        "ones": LayerGroups.every(1, of=4),
        "whole": LayerGroups.every(1, of=4, whole=True),
    }
    states = hidden_states(TOY, TEXT, views)
    for name in ("ones", "whole"):
        np.testing.assert_array_equal(states[name], states["full"])


@pytest.mark.parametrize("view", [PAIRS, WHOLE], ids=repr)
def test_a_fuzzy_cache_is_exact_for_its_view(view: LayerGroups) -> None:
    tree = GrowingTree.open(TOY.params, TOY.config, TEXT[:5], view=view)
    _, tree = tree.extend([9, TEXT[5]], [-1, -1])
    hidden, _ = tree.commit([1]).extend(TEXT[6:8], [-1, 0])
    expected = hidden_states(TOY, TEXT[:8], {"view": view})["view"][6:]
    np.testing.assert_allclose(hidden, expected, rtol=0, atol=CLOSE)


def test_calibration_leaves_exact_keys_and_values() -> None:
    """Rounds with calibration leave the cache of one ordinary pass; without, they don't."""
    exact = prefill(TOY.params, TOY.config, tokens=TEXT)[1]
    ours = drifting = GrowingTree.open(TOY.params, TOY.config, TEXT[:3]).viewed(PAIRS)
    for start in (3, 5, 7):
        _, drafted = ours.extend(TEXT[start : start + 2], [-1, 0])
        ours = calibrate(drafted, TEXT[start : start + 2])
        _, drafted = drifting.extend(TEXT[start : start + 2], [-1, 0])
        drifting = drafted.commit([0, 1])

    def gap(tree: GrowingTree) -> float:
        both = zip(tree.context.keys + tree.context.values, exact.keys + exact.values, strict=True)
        return max(float(np.abs(a[:, :9] - b[:, :9]).max()) for a, b in both)

    assert ours.context.stages == drifting.context.stages == PAIRS.stages(TOY.config)
    assert gap(ours) <= CLOSE
    assert gap(drifting) > 1000 * CLOSE
    fresh = GrowingTree.open(TOY.params, TOY.config, TEXT).viewed(PAIRS)
    drafts = [np.asarray(tree.extend([4, 5], [-1, 0])[0]) for tree in (ours, fresh, drifting)]
    np.testing.assert_allclose(drafts[0], drafts[1], rtol=0, atol=CLOSE)
    assert np.abs(drafts[2] - drafts[1]).max() > 100 * CLOSE


def test_boundaries() -> None:
    assert LayerGroups.every(4, of=30).groups[-1] == (25, 26, 27, 28)
    assert LayerGroups.every(4, of=30, first=10, last=15).groups == ((10, 11, 12, 13), (14, 15))
    assert LayerGroups.every(2, of=4, first=0, last=3).groups == ((0, 1), (2, 3))
    assert hash(LayerGroups(((1, 2),))) == hash(LayerGroups.every(2, of=4))


def test_what_is_refused() -> None:
    for groups in (((1, 3),), ((2, 3), (0, 1)), ((1, 2), (2, 3)), ((),)):
        with pytest.raises(ValueError, match="groups are consecutive layers, disjoint and in order"):
            LayerGroups(groups)
    with pytest.raises(ValueError, match="needs size >= 1"):
        LayerGroups.every(0, of=4)
    with pytest.raises(ValueError, match=r"can't group layers \[4\]: the model has layers 0\.\.3"):
        hidden_states(TOY, TEXT, {"view": LayerGroups(((3, 4),))})
    with pytest.raises(ValueError, match=r"the cache has entries for \(0, 1\), the view runs \(0, 1, 2, 3\)"):
        GrowingTree.open(TOY.params, TOY.config, TEXT, view=EarlyExit(2)).viewed(PAIRS)


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    view = LayerGroups.every(4, of=30, first=10, last=21)
    text = smollm2.tokenizer.encode("The capital of France is a city of light and love, of bread")
    tree = GrowingTree.open(smollm2.params, smollm2.config, text[:-3], view=view)
    _, tree = tree.extend([text[-3], 11], [-1, 0])
    hidden, _ = tree.commit([0]).extend(text[-2:], [-1, 0])
    expected = hidden_states(smollm2, text, {"view": view})["view"][-2:] @ smollm2.head().T
    np.testing.assert_allclose(row_logits(smollm2.params, hidden), expected, rtol=0, atol=5e-4)
    ours = calibrate(GrowingTree.open(smollm2.params, smollm2.config, text[:-3]).viewed(view), text[-3:])
    exact = prefill(smollm2.params, smollm2.config, tokens=text)[1]
    gaps = [
        float(np.abs(a[:, : len(text)] - b[:, : len(text)]).max())
        for a, b in zip(ours.context.keys, exact.keys, strict=True)
    ]
    assert max(gaps) <= 5e-4
