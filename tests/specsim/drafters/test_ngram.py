"""The trigram model: exact in fractions, equal to a plain dictionary version, and what a trace stores."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsim.drafters.ngram import NGram
from specsim.sources.traces import Base, Header, Passage, Source, Sparse, Trace, TraceWriter

V = 4
documents = st.lists(st.lists(st.integers(0, V - 1), max_size=12), max_size=4).filter(
    lambda found: any(len(document) > 2 for document in found)
)
discounts = st.sampled_from([Fraction(1, 7), Fraction(3, 4), Fraction(1)])
cutoffs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def _plain(found, context, discount, cutoffs) -> list[Fraction]:
    """Kneser-Ney by the definition, with dictionaries."""
    three = Counter(tuple(d[i : i + 3]) for d in found for i in range(len(d) - 2))
    two = Counter(gram[1:] for gram in three)
    one = Counter(gram[1:] for gram in two)
    row = [Fraction(1, V)] * V
    for counts, order, cutoff in [(one, 1, 1), (two, 2, cutoffs[1]), (three, 3, cutoffs[0])]:
        if len(context) < order - 1:
            break
        before = tuple(context[len(context) - order + 1 :])
        here = {gram[-1]: n for gram, n in counts.items() if gram[:-1] == before}
        total = sum(here.values())
        if total:
            keep = {w: max(n - discount, 0) if n >= cutoff else Fraction(0) for w, n in here.items()}
            left = 1 - sum(keep.values()) / total
            row = [keep.get(w, Fraction(0)) / total + left * row[w] for w in range(V)]
    return row


@given(documents, discounts, cutoffs)
def test_exactly_kneser_ney(found, discount, cutoffs):
    """Every context of up to three tokens: equal to the definition, and the row sums to exactly one."""
    model = NGram.fit(found, vocabulary=V, discount=discount, cutoffs=cutoffs)
    contexts = [(), *((v,) for v in range(V)), *((u, v) for u in range(V) for v in range(V))]
    for context in [*contexts, (3, 0, 1)]:
        exact = model.probabilities(context, exact=True)
        assert list(exact) == _plain(found, context[-2:], discount, cutoffs)
        assert exact.sum() == 1
        assert min(exact) > 0
        np.testing.assert_allclose(model.probabilities(context), exact.astype(float), rtol=1e-13)


@given(documents)
def test_rows_are_weight_times_base_plus_corrections(found):
    model = NGram.fit(found, vocabulary=V)
    for u in range(V):
        row = model.row([u, 1], exact=True)
        assert (np.diff(row.tokens) > 0).all()
        assert (row.corrections > 0).all()
        assert 0 < row.weight <= 1
        out = row.weight * model.base(exact=True)
        out[row.tokens] += row.corrections
        assert list(out) == list(model.probabilities([u, 1], exact=True))


@given(documents)
def test_order_of_documents_does_not_matter(found):
    one, two = NGram.fit(found, vocabulary=V), NGram.fit(found[::-1], vocabulary=V)
    assert list(one.probabilities([0, 1], exact=True)) == list(two.probabilities([0, 1], exact=True))


def test_no_trigram_crosses_documents():
    model = NGram.fit([[0, 1, 2], [3, 0, 1]], vocabulary=V)
    assert list(model.trigrams.keys) == [(0 * V + 1) * V + 2, (3 * V + 0) * V + 1]


def test_a_cutoff_drops_what_was_seen_once():
    found = [[0, 1, 2], [0, 1, 2], [0, 1, 3]]
    assert list(NGram.fit(found, vocabulary=V).row([0, 1]).tokens) == [2, 3]
    assert list(NGram.fit(found, vocabulary=V, cutoffs=(2, 2)).row([0, 1]).tokens) == [2]


def test_large_vocabulary_packs_into_63_bits():
    top = 2**21 - 2
    model = NGram.fit([[top, top, top]], vocabulary=2**21 - 1)
    assert model.row([top, top], exact=True).tokens.tolist() == [top]


def test_stored_as_sparse_rows(tmp_path):
    """What a trace gives back is the model's law to float32 corrections; the rest of it is exact."""
    rng = np.random.default_rng(0)
    found = [rng.integers(0, 9, 200) for _ in range(3)]
    model = NGram.fit(found, vocabulary=9)
    header = Header(
        vocabulary=9,
        target=Source("sparse", shared="ngram"),
        drafts={},
        domains=("a",),
        temperature=1.0,
        seed=0,
    )
    base = Base(model.base().astype(np.float32))
    tokens = rng.integers(0, 9, 30)
    rows = [model.row(tokens[:i]) for i in range(1, 30)]
    form = Sparse.from_rows([(r.weight, r.tokens, r.corrections) for r in rows], vocabulary=9)
    with TraceWriter.create(tmp_path / "t", header=header, shared={"ngram": base}) as writer:
        writer.append(Passage("a", "x", tokens, np.arange(1, 30), form, {}))
    for block in Trace.open(tmp_path / "t").blocks():
        for logits, position in zip(block.target_logits, block.position, strict=True):
            np.testing.assert_allclose(np.exp(logits), model.probabilities(tokens[:position]), atol=1e-7)


@pytest.mark.parametrize(
    ("found", "options", "message"),
    [
        ([[0, 1]], {}, "no document has three tokens or more"),
        ([], {}, "no document has three tokens or more"),
        ([[0, 1, 4]], {}, r"document 0 has tokens in 0\.\.4; the vocabulary is 0\.\.3"),
        ([[0, 1, 2], [-1, 0, 0]], {}, r"document 1 has tokens in -1\.\.0"),
        ([[0.0, 1.0, 2.0]], {}, "document 0 must be one axis of integer tokens"),
        ([[0, 1, 2]], {"vocabulary": 1}, r"vocabulary must be in 2 .. 2097151, got 1"),
        ([[0, 1, 2]], {"vocabulary": 2**21}, r"vocabulary must be in 2 .. 2097151"),
        ([[0, 1, 2]], {"discount": Fraction(0)}, r"discount must be a Fraction in \(0, 1\]"),
        ([[0, 1, 2]], {"discount": 0.75}, r"discount must be a Fraction in \(0, 1\], got 0.75"),
        ([[0, 1, 2]], {"cutoffs": (0, 1)}, "cutoffs must be two integers of at least 1"),
    ],
)
def test_bad_input(found, options, message):
    with pytest.raises(ValueError, match=message):
        NGram.fit(found, **{"vocabulary": V, **options})


def test_bad_context():
    with pytest.raises(ValueError, match=r"token 4 is outside the vocabulary 0 .. 3"):
        NGram.fit([[0, 1, 2]], vocabulary=V).probabilities([4])
