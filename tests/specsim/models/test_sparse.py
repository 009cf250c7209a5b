"""Caches of chosen slots against plain numpy, which reads the whole text and hides what wasn't chosen."""

from __future__ import annotations

import numpy as np
import plain_views as plain
import pytest

from specsim.models import (
    GrowingTree,
    Model,
    Retrieval,
    Streaming,
    hidden_states,
    prefill,
    sparse,
    toy_model,
)
from specsim.models.growing import row_logits
from specsim.models.sparse import Selection
from specsim.models.views import Full

TOY = toy_model(seed=3)
TEXT = [(31 * i * i + 7 * i) % 256 for i in range(22)]
DRAFT = [5, 6, 7]
CLOSE = 2e-5


def best_chunks(chunk: int, budget: int) -> plain.Pick:
    """TriForce's rule, one head after the other."""

    def pick(_: int, last: np.ndarray, keys: np.ndarray) -> list[list[int]]:
        count, group, kept = len(keys) // chunk, TOY.config.group, []
        for head in range(keys.shape[1]):
            asked = last[head * group : (head + 1) * group].sum(axis=0)
            means = [keys[c * chunk : (c + 1) * chunk, head].mean(axis=0) @ asked for c in range(count)]
            order = [0, *sorted(range(1, count), key=lambda c: -means[c])]
            chunks = order[: budget // chunk]
            kept.append([c * chunk + i for c in chunks for i in range(chunk)])
            kept[-1] += range(count * chunk, len(keys))
        return kept

    return pick


def windows(sinks: int, recent: int) -> plain.Pick:
    def pick(_: int, last: np.ndarray, keys: np.ndarray) -> list[list[int]]:
        slots = [slot for slot in range(len(keys)) if slot < sinks or slot >= len(keys) - recent]
        return [slots] * keys.shape[1]

    return pick


CASES: list[tuple[Selection, plain.Pick]] = [
    (Retrieval(chunk=4, budget=8), best_chunks(4, 8)),
    (Retrieval(chunk=4, budget=14), best_chunks(4, 14)),
    (Streaming(sinks=2, recent=6), windows(2, 6)),
    (Streaming(sinks=2, recent=6, positions="absolute"), windows(2, 6)),
    (Streaming(sinks=0, recent=5), windows(0, 5)),
]


def opened(model: Model, text: list[int], selection: Selection) -> GrowingTree:
    _, full = prefill(model.params, model.config, tokens=text)
    small = sparse(model.params, model.config, cache=full, selection=selection, tokens=text)
    return GrowingTree.on(model.params, model.config, small)


@pytest.mark.parametrize(("selection", "pick"), CASES, ids=[repr(case[0]) for case in CASES])
def test_drafts_on_chosen_slots(selection: Selection, pick: plain.Pick) -> None:
    """A branch and a commit, then a chain, against rows that attend to picked slots and to each other."""
    expected = plain.chosen_slots(TOY, TEXT + DRAFT, len(TEXT), pick, moved=selection.moved)[-3:]
    tree = opened(TOY, TEXT, selection)
    hidden, tree = tree.extend([99, DRAFT[0]], [-1, -1])
    np.testing.assert_allclose(hidden[1], expected[0], rtol=0, atol=CLOSE)
    rest, tree = tree.extend(DRAFT[1:], [1, 2])
    np.testing.assert_allclose(rest, expected[1:], rtol=0, atol=CLOSE)
    again, _ = tree.commit([1]).extend(DRAFT[1:], [-1, 0])
    np.testing.assert_allclose(again, expected[1:], rtol=0, atol=CLOSE)
    full = hidden_states(TOY, TEXT + DRAFT, {"full": Full()})["full"][-3:]
    assert np.abs(expected - full).max() > 1000 * CLOSE


@pytest.mark.parametrize(
    "selection", [Retrieval(chunk=4, budget=22), Streaming(sinks=2, recent=20), Streaming(sinks=9, recent=99)]
)
def test_a_budget_of_the_context_is_the_full_model(selection: Selection) -> None:
    tree = opened(TOY, TEXT, selection)
    _, full = prefill(TOY.params, TOY.config, tokens=TEXT)
    assert (tree.length, tree.context.position) == (22, 22)
    for ours, exact in zip(tree.context.pairs, full.pairs, strict=True):
        np.testing.assert_array_equal(ours[0][:, :22], exact[0][:, :22])
        np.testing.assert_array_equal(ours[1][:, :22], exact[1][:, :22])
    hidden, _ = tree.extend(DRAFT[:2], [-1, 0])
    expected, _ = GrowingTree.on(TOY.params, TOY.config, full).extend(DRAFT[:2], [-1, 0])
    np.testing.assert_allclose(hidden, expected, rtol=0, atol=CLOSE)


def test_heads_choose_for_themselves() -> None:
    """Layers and heads pick different chunks, so one mask for all would be wrong."""
    _, full = prefill(TOY.params, TOY.config, tokens=TEXT)
    chosen = Retrieval(chunk=4, budget=12).choose(TOY.params, TOY.config, cache=full, last=TEXT[-1])
    assert [slots.shape for slots in chosen] == [(14, 2)] * 4
    assert len({tuple(slots[:, head]) for slots in chosen for head in range(2)}) > 1
    assert all((np.diff(slots, axis=0) > 0).all() and (range(4) == slots[:4].T).all() for slots in chosen)


def test_a_growing_context_is_chosen_from_anew() -> None:
    _, full = prefill(TOY.params, TOY.config, tokens=TEXT)
    longer = GrowingTree.on(TOY.params, TOY.config, full).append(DRAFT).context
    selection = Retrieval(chunk=4, budget=8)
    ours = sparse(TOY.params, TOY.config, cache=longer, selection=selection, tokens=DRAFT)
    fresh = opened(TOY, TEXT + DRAFT, selection).context
    assert (ours.length, ours.position, fresh.length) == (9, 25, 9)
    for a, b in zip(ours.keys, fresh.keys, strict=True):
        np.testing.assert_allclose(a[:, :9], b[:, :9], rtol=0, atol=CLOSE)


def test_what_is_refused() -> None:
    for wrong in ({"sinks": -1, "recent": 2}, {"sinks": 1, "recent": 0}):
        with pytest.raises(ValueError, match="needs sinks >= 0 and recent >= 1"):
            Streaming(**wrong)
    with pytest.raises(ValueError, match="positions are 'cache' or 'absolute', got 'text'"):
        Streaming(sinks=1, recent=1, positions="text")
    with pytest.raises(ValueError, match="a budget of at least a chunk, got 8 and 7"):
        Retrieval(chunk=8, budget=7)
    small = opened(TOY, TEXT, Retrieval(chunk=4, budget=8)).context
    with pytest.raises(ValueError, match="needs a full cache of one sequence"):
        sparse(TOY.params, TOY.config, cache=small, selection=Streaming(1, 1), tokens=TEXT)


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    """The full budget is the full model; a smaller one isn't, and chosen chunks keep more than a window."""
    story = " ".join(
        f"On day {day} the traveller met {day * 7} people and gave them bread." for day in range(9)
    )
    text = smollm2.tokenizer.encode(story)
    full = hidden_states(smollm2, [*text, *text[:2]], {"full": Full()})["full"][-2:] @ smollm2.head().T
    for selection in (Retrieval(chunk=8, budget=1024), Streaming(sinks=4, recent=1024)):
        hidden, _ = opened(smollm2, text, selection).extend(text[:2], [-1, 0])
        np.testing.assert_allclose(row_logits(smollm2.params, hidden), full, rtol=0, atol=5e-4)
    for selection in (
        Retrieval(chunk=8, budget=64),
        Streaming(sinks=4, recent=60),
        Streaming(sinks=4, recent=60, positions="absolute"),
    ):
        tree = opened(smollm2, text, selection)
        hidden, _ = tree.extend(text[:2], [-1, 0])
        assert np.abs(row_logits(smollm2.params, hidden) - full).max() > 0.01
        stepped, tree = tree.extend(text[:1], [-1])
        after, _ = tree.commit([0]).extend(text[1:2], [-1])
        ours = row_logits(smollm2.params, np.concatenate([stepped, after]))
        np.testing.assert_allclose(ours, row_logits(smollm2.params, hidden), rtol=0, atol=5e-4)
