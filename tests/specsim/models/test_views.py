from __future__ import annotations

import numpy as np
import pytest

from specsim.models import EarlyExit, Full, LayerMask, Model, View, hidden_states, prefill

TEXT = [(31 * i + 7) % 256 for i in range(75)]
VIEWS: dict[str, View] = {
    "target": Full(),
    "middle": LayerMask(skip=(1, 2)),
    "nothing skipped": LayerMask(skip=()),
    "exit": EarlyExit(2),
    "late exit": EarlyExit(4),
}


def test_every_view_is_a_forward_pass_over_its_layers(toy: Model) -> None:
    states = hidden_states(toy, TEXT, VIEWS)
    assert states.keys() == VIEWS.keys()
    for name, view in VIEWS.items():
        expected, _ = prefill(toy.params, toy.config, tokens=TEXT, layers=view.layers(toy.config))
        np.testing.assert_array_equal(states[name], expected[0])
        assert states[name].dtype == np.float32
        assert states[name].flags.writeable
    np.testing.assert_array_equal(states["target"], states["nothing skipped"])
    np.testing.assert_array_equal(states["target"], states["late exit"])
    for draft in ("middle", "exit"):
        assert np.abs(states["target"] - states[draft]).max() > 0.1


@pytest.mark.parametrize("name", list(VIEWS))
def test_a_view_does_not_depend_on_the_others(toy: Model, name: str) -> None:
    together = hidden_states(toy, TEXT, VIEWS)[name]
    np.testing.assert_array_equal(together, hidden_states(toy, TEXT, {name: VIEWS[name]})[name])


def test_a_prefix_has_the_states_of_the_whole(toy: Model) -> None:
    whole = hidden_states(toy, TEXT, VIEWS)
    for count in (1, 63, 64, 65):
        part = hidden_states(toy, TEXT[:count], VIEWS)
        for name in VIEWS:
            np.testing.assert_allclose(part[name], whole[name][:count], rtol=0, atol=1e-5)


def test_skipped_layers_have_no_order_and_no_repeats() -> None:
    assert LayerMask(skip=(2, 1, 2)) == LayerMask(skip=(1, 2))
    assert hash(LayerMask(skip=(2, 1))) == hash(LayerMask(skip=(1, 2)))


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (LayerMask(skip=(1, 4)), r"can't skip layers \[4\]: the model has layers 0\.\.3"),
        (LayerMask(skip=(0, 1, 2, 3)), "skipping all 4 layers leaves no model"),
        (EarlyExit(0), "can't exit after 0 layers: the model has 4"),
        (EarlyExit(5), "can't exit after 5 layers: the model has 4"),
    ],
)
def test_views_that_do_not_fit(toy: Model, view: View, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hidden_states(toy, TEXT, {"view": view})


def test_middle_leaves_a_layer() -> None:
    with pytest.raises(ValueError, match="can't skip 4 of 4 layers"):
        LayerMask.middle(4, of=4)


def test_texts_that_do_not_fit(toy: Model) -> None:
    with pytest.raises(ValueError, match="513 tokens don't fit in the model's context of 512"):
        hidden_states(toy, [0] * 513, VIEWS)
    with pytest.raises(ValueError, match="token -1 at index 1"):
        hidden_states(toy, [0, -1], VIEWS)
