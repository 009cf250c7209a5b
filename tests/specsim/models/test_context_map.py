from __future__ import annotations

import numpy as np
import pytest

from specsim.models import Full, LayerMask, MappedTree, Model, RetrievedChunks, View, hidden_states, toy_model
from specsim.models.growing import row_logits

TOY = toy_model(seed=3)
TEXT = [(31 * i * i + 7 * i) % 64 for i in range(60)]
FIND = RetrievedChunks(chunk=4, budget=8, recent=6, refresh=8)
CLOSE = 2e-5


@pytest.mark.parametrize("view", [Full(), LayerMask(skip=(1,))], ids=repr)
def test_a_mapped_context_is_read_as_from_nothing(view: View) -> None:
    """A growing text: after each round the draft's law is that of the mapped context, read at once."""
    draft = MappedTree.open(TOY.params, TOY.config, TEXT[:30], mapping=FIND, view=view)
    seen = set()
    for end in (30, 32, 37, 38, 50):
        draft = draft.follow(TEXT[:end])
        assert draft.mapped == FIND(tuple(TEXT[:end]))
        hidden, draft = draft.extend([1, 2], [-1, 0])
        expected = hidden_states(TOY, [*draft.mapped, 1, 2], {"view": view})["view"][-2:]
        np.testing.assert_allclose(hidden, expected, rtol=0, atol=CLOSE)
        whole = hidden_states(TOY, [*TEXT[:end], 1, 2], {"view": view})["view"][-2:]
        assert np.abs(whole - expected).max() > 100 * CLOSE
        seen.add(draft.mapped[:8])
    assert len(seen) > 1


def test_only_what_changes_is_read() -> None:
    draft = MappedTree.open(TOY.params, TOY.config, TEXT[:22], mapping=FIND)
    same = draft.follow(TEXT[:22])
    assert same.tree.context.keys is draft.tree.context.keys
    longer = draft.follow(TEXT[:23])
    kept = len(draft.mapped)
    assert longer.mapped[:kept] == draft.mapped
    for a, b in zip(longer.tree.context.keys, draft.tree.context.keys, strict=True):
        np.testing.assert_array_equal(a[:, :kept], b[:, :kept])


def test_chunks_with_rare_common_tokens_are_found() -> None:
    document = [1, 2, 3, 4, 50, 2, 3, 4, 1, 2, 3, 4, 1, 51, 3, 4]
    find = RetrievedChunks(chunk=4, budget=4, recent=3, refresh=1)
    assert find((*document, 1, 50, 9)) == (50, 2, 3, 4, 1, 50, 9)
    assert find((*document, 1, 51, 9)) == (1, 51, 3, 4, 1, 51, 9)
    both = RetrievedChunks(chunk=4, budget=8, recent=3, refresh=1)
    assert both((*document, 51, 50, 9)) == (50, 2, 3, 4, 1, 51, 3, 4, 51, 50, 9)
    assert find((1, 2)) == (1, 2)


def test_the_map_only_grows_until_it_chooses_anew() -> None:
    for end in range(14, 60):
        before, after = FIND(tuple(TEXT[:end])), FIND(tuple(TEXT[: end + 1]))
        if (end + 1 - 6) % 8:
            assert after == (*before, TEXT[end])


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="must leave at least one token"):
        MappedTree.open(TOY.params, TOY.config, TEXT, mapping=lambda _: [])
    with pytest.raises(ValueError, match="a budget of at least a chunk"):
        RetrievedChunks(chunk=4, budget=3, recent=1, refresh=1)


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    text = smollm2.tokenizer.encode(" ".join(f"On day {day} he met {day * 7} people." for day in range(20)))
    find = RetrievedChunks(chunk=16, budget=32, recent=16, refresh=16)
    draft = MappedTree.open(smollm2.params, smollm2.config, text[:80], mapping=find)
    for end in (82, 120):
        draft = draft.follow(text[:end])
        hidden, draft = draft.extend(text[end : end + 2], [-1, 0])
        expected = hidden_states(smollm2, [*draft.mapped, *text[end : end + 2]], {"view": Full()})["view"][
            -2:
        ]
        np.testing.assert_allclose(
            row_logits(smollm2.params, hidden), expected @ smollm2.head().T, rtol=0, atol=5e-4
        )
