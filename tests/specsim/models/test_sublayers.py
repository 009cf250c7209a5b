from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_views as plain
import pytest

from specsim.models import (
    Full,
    GrowingTree,
    LayerMask,
    Model,
    SublayerMask,
    hidden_states,
    matchness,
    toy_model,
)
from specsim.models.growing import row_logits
from specsim.models.layers import attention, feed, layer
from specsim.models.sublayers import sublayers
from specsim.models.toy import toy_config

TOY = toy_model(seed=3)
TEXT = [(31 * i + 7) % 256 for i in range(12)]
MASKS = [
    SublayerMask(attention=(1,), feed=(1, 2)),
    SublayerMask(attention=(0, 2), feed=(3,)),
    SublayerMask(feed=(0, 1, 2, 3)),
]


@pytest.mark.parametrize("mask", MASKS, ids=repr)
def test_a_mask_is_what_plain_numpy_says(mask: SublayerMask) -> None:
    ours = hidden_states(TOY, TEXT, {"mask": mask})["mask"]
    expected = plain.staged(TOY, plain.embedded(TOY, TEXT), mask.stages(TOY.config))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=3e-5)
    assert np.abs(ours - hidden_states(TOY, TEXT, {"full": Full()})["full"]).max() > 0.1


def test_a_cache_of_a_mask_is_exact() -> None:
    mask = MASKS[0]
    tree = GrowingTree.open(TOY.params, TOY.config, TEXT[:6], view=mask)
    assert tree.context.layers == (0, 2, 3)
    _, tree = tree.extend([9, TEXT[6]], [-1, -1])
    hidden, _ = tree.commit([1]).rollback().extend(TEXT[7:9], [-1, 0])
    expected = hidden_states(TOY, TEXT[:9], {"mask": mask})["mask"][7:]
    np.testing.assert_allclose(hidden, expected, rtol=0, atol=2e-5)


def test_whole_layers_are_both_sublayers() -> None:
    views = {"mask": SublayerMask(attention=(1, 2), feed=(1, 2)), "layers": LayerMask(skip=(1, 2))}
    states = hidden_states(TOY, TEXT, views)
    np.testing.assert_array_equal(states["mask"], states["layers"])
    assert views["mask"].layers(TOY.config) == (0, 3)
    assert SublayerMask(attention=(1,), feed=(2,)).layers(TOY.config) == (0, 1, 2, 3)


def test_masks_have_no_order_and_no_repeats() -> None:
    assert SublayerMask(attention=(2, 1, 2)) == SublayerMask(attention=(1, 2))
    chosen = [("feed", 2), ("attention", 1), ("feed", 1)]
    assert SublayerMask.of(chosen) == SublayerMask(attention=(1,), feed=(1, 2))
    assert len(sublayers(4)) == 4
    assert SublayerMask.of(sublayers(4), keep_ends=True).layers(TOY.config) == (0, 3)


def test_matchness_counts_first_choices() -> None:
    """One pass counts what a pass for each prefix does."""
    text = TEXT[:3] + TOY.generate(TEXT[:3], max_new_tokens=8, temperature=0.0)
    assert matchness(TOY, text, Full(), window=7) == 1.0
    for mask in MASKS[:2]:
        hits = []
        for end in range(len(text) - 7, len(text)):
            state = hidden_states(TOY, text[:end], {"mask": mask})["mask"][-1:]
            hits.append(row_logits(TOY.params, state)[0].argmax() == text[end])
        assert matchness(TOY, text, mask, window=7) == np.mean(hits)
    assert matchness(TOY, text[:4], Full(), window=50) == matchness(TOY, text[:4], Full(), window=3)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (SublayerMask(attention=(4,)), r"layers \[4\]: the model has layers 0\.\.3"),
        (SublayerMask(feed=(0,), keep_ends=True), r"keep_ends forbids to skip sublayers of layers \[0\]"),
        (
            SublayerMask(attention=(3,), keep_ends=True),
            r"keep_ends forbids to skip sublayers of layers \[3\]",
        ),
        (SublayerMask(attention=(0, 1, 2, 3)), "all 4 layers leaves no context"),
    ],
)
def test_masks_that_do_not_fit(mask: SublayerMask, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hidden_states(TOY, TEXT, {"mask": mask})


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got kinds \['mlp'\]"):
        SublayerMask.of([("mlp", 1)])
    with pytest.raises(ValueError, match="a window of at least 1 and two tokens, got 0 and 12"):
        matchness(TOY, TEXT, Full(), window=0)
    with pytest.raises(ValueError, match="two tokens, got 5 and 1"):
        matchness(TOY, TEXT[:1], Full(), window=5)


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    prompt = smollm2.tokenizer.chat([("user", "Why is the sky blue?")])
    text = prompt + smollm2.generate(prompt, max_new_tokens=24, temperature=0.0)
    assert matchness(smollm2, text, Full(), window=24) == 1.0
    few = matchness(smollm2, text, SublayerMask(attention=(14,), feed=(17,), keep_ends=True), window=24)
    many = matchness(smollm2, text, SublayerMask.of(sublayers(30)[10:40], keep_ends=True), window=24)
    assert few > 0.5 > many
    mask = SublayerMask(attention=(3, 14, 20), feed=(9, 17), keep_ends=True)
    tree = GrowingTree.open(smollm2.params, smollm2.config, text[:-4], view=mask)
    _, tree = tree.extend([text[-4], 11], [-1, 0])
    hidden, _ = tree.commit([0]).extend(text[-3:], [-1, 0, 1])
    expected = hidden_states(smollm2, text, {"mask": mask})["mask"][-3:] @ smollm2.head().T
    np.testing.assert_allclose(row_logits(smollm2.params, hidden), expected, rtol=0, atol=5e-4)


def test_masks_share_compiled_code() -> None:
    """Layers, attention and feed-forward networks are compiled once a shape, whatever mask runs them."""
    parts = sublayers(4, keep_ends=False)
    masks = [SublayerMask.of((one, other)) for one in parts for other in parts if one < other]

    def scored(mask: SublayerMask) -> int:
        matchness(TOY, TEXT, mask, window=4)
        return sum(function._cache_size() for function in (layer, attention, feed))

    scored(SublayerMask(attention=(1,), feed=(2,)))
    before = scored(SublayerMask(attention=(2,), feed=(0,)))
    assert [scored(mask) for mask in masks] == [before] * len(masks)
    # another shape is another program: what is counted does count
    other = toy_model(seed=3, config=replace(toy_config(), feed_forward=72))
    matchness(other, TEXT, masks[0], window=4)
    assert scored(masks[0]) > before
