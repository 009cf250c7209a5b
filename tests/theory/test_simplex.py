"""Probability vectors: what is let in, what is refused, and the divergences."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import rel_entr

from tests.theory.strategies import F, floats, fractions, frozen, pairs
from theory.exponentials import LARGE
from theory.simplex import (
    NotADistribution,
    as_array,
    check_distribution,
    check_pair,
    check_weights,
    chi_square,
    entropy,
    is_exact,
    js_divergence,
    kl_divergence,
    normalise,
    overlap,
    positive_part,
    residual,
    top_tokens,
    total_variation,
)

NAN, INF = float("nan"), float("inf")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([0.5, NAN, 0.5], r"p has the entry nan at token 1;"),
            ([0.5, INF, 0.5], r"p has the entry inf at token 1;"),
            ([0.5, -INF, 0.5], r"p has the entry -inf at token 1;"),
            ([1.5, -0.5, 0.0], r"p has the entry -0\.5 at token 1; probabilities are finite and at least 0"),
            ([[0.5, 0.5], [1.5, -0.5]], r"p has the entry -0\.5 at token 1 in row \(1,\)"),
            ([[[0.5, 0.5], [NAN, 1.0]]], r"p has the entry nan at token 0 in row \(0, 1\)"),
            ([F(3, 2), F(-1, 2)], r"p has the entry -1/2 at token 1;"),
            ([[F(1), F(0)], [F(3, 2), F(-1, 2)]], r"p has the entry -1/2 at token 1 in row \(1,\)"),
        ],
    )
    def test_entries(self, values, message):
        with pytest.raises(NotADistribution, match=message):
            check_distribution(values)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([0.5, 0.4], r"p sums to 0\.9, not to 1; normalise it yourself"),
            ([0.0, 0.0], r"p sums to 0\.0, not to 1"),
            ([0.5, 0.5 + 2e-6], r"p sums to 1\.00000\d+, not to 1"),
            ([[0.5, 0.5], [0.5, 0.6]], r"p sums to 1\.1, not to 1 in row \(1,\)"),
            ([F(1, 2), F(1, 2) + F(1, 10**30)], r"not to 1"),
            ([[F(1), F(0)], [F(1, 3), F(1, 3)]], r"p sums to 2/3, not to 1 in row \(1,\)"),
        ],
    )
    def test_sums(self, values, message):
        with pytest.raises(NotADistribution, match=message):
            check_distribution(values)

    @pytest.mark.parametrize("values", [[], 1.0, None, [[], []]])
    def test_no_vocabulary_axis(self, values):
        with pytest.raises(NotADistribution, match="at least one token, got shape"):
            check_distribution(values)

    @pytest.mark.parametrize("values", [["0.5", "0.5"], [1 + 0j], np.array(["2020"], dtype="datetime64[Y]")])
    def test_other_kinds_of_numbers(self, values):
        with pytest.raises(NotADistribution, match="expected an array of numbers, got dtype"):
            check_distribution(values)

    @pytest.mark.parametrize("intruder", [0.5, np.float64(0.5), np.float32(0.5), NAN])
    def test_floats_among_fractions(self, intruder):
        with pytest.raises(NotADistribution, match="an object array holds a float among its entries"):
            check_distribution([F(1, 2), intruder])

    @pytest.mark.parametrize("intruder", ["a", None])
    def test_no_numbers_among_fractions(self, intruder):
        values = np.array([F(1), 0], dtype=object)
        values[1] = intruder
        with pytest.raises(NotADistribution):
            check_distribution(values)

    @pytest.mark.parametrize("values", [[True, False], np.array([F(1), False], dtype=object)])
    def test_booleans(self, values):
        """A mask handed over in place of probabilities is a mistake, not a one-hot distribution."""
        with pytest.raises(NotADistribution):
            check_distribution(values)

    def test_ragged_rows(self):
        with pytest.raises(ValueError, match=r"inhomogeneous|rows"):
            check_distribution([[1.0], [0.5, 0.5]])

    @pytest.mark.parametrize("dtype", [float, object])
    def test_batch_without_rows(self, dtype):
        with pytest.raises(NotADistribution, match=r"shape \(0, 3\)"):
            check_distribution(np.zeros((0, 3), dtype=dtype))

    def test_the_name_given_is_the_name_used(self):
        with pytest.raises(NotADistribution, match=r"^drafter 7 sums to"):
            check_distribution([0.5], name="drafter 7")

    def test_pairs(self):
        with pytest.raises(NotADistribution, match="p has a vocabulary of 2 tokens and q of 3"):
            check_pair([0.5, 0.5], [0.5, 0.25, 0.25])
        with pytest.raises(NotADistribution, match="one of p and q holds fractions and the other floats"):
            check_pair([0.5, 0.5], [F(1, 2), F(1, 2)])
        with pytest.raises(NotADistribution, match=r"^q sums to"):
            check_pair([0.5, 0.5], [0.5, 0.25])
        with pytest.raises(NotADistribution, match=r"^p sums to"):
            check_pair([0.5, 0.25], [0.5, 0.25])

    def test_weights_and_their_normalisation(self):
        with pytest.raises(NotADistribution, match=r"weights has the entry -1\.0 at token 0;"):
            check_weights([-1.0, 2.0])
        with pytest.raises(NotADistribution, match="weights has no mass; it can't be normalised"):
            normalise([0.0, 0.0])
        with pytest.raises(NotADistribution, match=r"w has no mass in row \(1,\)"):
            normalise([[F(1), F(1)], [F(0), F(0)]], name="w")

    def test_normalising_does_not_overflow_silently(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = normalise([1e308, 1e308])
            except NotADistribution:
                return
        assert result.tolist() == [0.5, 0.5]


class TestWhatIsKept:
    def test_float_rows_may_miss_one_by_the_tolerance_and_are_left_alone(self):
        values = floats([0.5, 0.5 + 9e-7])
        kept = check_distribution(values)
        assert kept is values
        assert check_distribution(floats([0.5, 0.51]), tolerance=0.1).sum() == pytest.approx(1.01)
        with pytest.raises(NotADistribution, match="not to 1"):
            check_distribution(values, tolerance=1e-8)

    def test_float32_is_widened_and_integers_become_floats(self):
        assert as_array(np.array([0.25, 0.75], dtype=np.float32)).dtype == np.float64
        assert check_distribution([0, 1, 0]).dtype == np.float64
        assert check_distribution(np.array([0, 1], dtype=np.uint8)).dtype == np.float64

    def test_integers_among_fractions_become_fractions(self):
        kept = check_distribution(np.array([F(1, 2), F(1, 2), 0, np.int64(0)], dtype=object))
        assert is_exact(kept)
        assert all(isinstance(value, F) for value in kept)

    @given(pair=pairs(size=4))
    def test_exact_rows_are_kept_as_they_are(self, pair):
        p, q = pair
        kept_p, kept_q = check_pair(p, q)
        assert kept_p.tolist() == p.tolist()
        assert kept_q.tolist() == q.tolist()
        assert is_exact(kept_p)

    def test_normalising_is_exact_and_makes_a_new_array(self):
        given_ = frozen(np.array([F(1), F(2)], dtype=object))
        assert normalise(given_).tolist() == [F(1, 3), F(2, 3)]
        assert given_.tolist() == [1, 2]
        assert normalise(floats([[1, 1], [1, 3]])).tolist() == [[0.5, 0.5], [0.25, 0.75]]
        assert normalise([5e-324, 5e-324]).tolist() == [0.5, 0.5]


class TestDivergences:
    @given(pair=pairs(size=4))
    def test_against_scipy(self, pair):
        p, q = (floats(side) for side in pair)
        assert kl_divergence(p, q) == pytest.approx(rel_entr(p, q).sum(), rel=1e-12, abs=1e-15)
        assert kl_divergence(q, p) == pytest.approx(rel_entr(q, p).sum(), rel=1e-12, abs=1e-15)
        middle = (p + q) / 2
        expected = (rel_entr(p, middle) + rel_entr(q, middle)).sum() / 2
        assert js_divergence(p, q) == pytest.approx(expected, rel=1e-12, abs=1e-15)
        assert entropy(p) == pytest.approx(stats.entropy(p), rel=1e-12, abs=1e-15)

    @given(pair=pairs(size=4))
    def test_exact_identities(self, pair):
        p, q = pair
        assert total_variation(p, q) == sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2
        assert overlap(p, q) == 1 - total_variation(p, q)
        assert residual(p, q).sum() == total_variation(p, q)
        assert (positive_part(p - q) - positive_part(q - p)).tolist() == (p - q).tolist()
        terms = [(a - b) ** 2 / b if b else (0 if a == b else INF) for a, b in zip(p, q, strict=True)]
        assert chi_square(p, q) == sum(terms)

    def test_scipy_s_pearson_statistic(self):
        p, q = floats([0.2, 0.3, 0.5]), floats([0.25, 0.25, 0.5])
        assert chi_square(p, q) == pytest.approx(stats.chisquare(p, q).statistic, rel=1e-12)

    def test_off_the_support(self):
        p, q = floats([0.5, 0.5, 0]), floats([1, 0, 0])
        assert kl_divergence(p, q) == INF
        assert kl_divergence(q, p) == pytest.approx(np.log(2))
        assert chi_square(p, q) == INF
        assert js_divergence(floats([1, 0]), floats([0, 1])) == pytest.approx(np.log(2))

    def test_batches_are_rows(self):
        rng = np.random.default_rng(0)
        p, q = (frozen(rng.dirichlet(np.ones(5), size=(2, 3))) for _ in range(2))
        for measure in (kl_divergence, js_divergence, chi_square, total_variation, overlap):
            rows = [[measure(p[i, j], q[i, j]) for j in range(3)] for i in range(2)]
            np.testing.assert_allclose(measure(p, q), rows, rtol=1e-13)
        np.testing.assert_allclose(entropy(p), [[entropy(row) for row in rows] for rows in p], rtol=1e-13)
        mixed = chi_square(p[0], frozen(np.array([q[0, 0], [1, 0, 0, 0, 0], q[0, 2]])))
        assert np.isinf(mixed).tolist() == [False, True, False]

    @pytest.mark.parametrize("measure", [kl_divergence, js_divergence, chi_square, total_variation])
    def test_near_equal_pairs_are_not_negative(self, measure):
        """Roots are taken of them: minus 1e-17 would become NaN one line later."""
        p, q = floats([0.5 + 1e-9, 0.5 - 1e-9]), floats([0.5, 0.5])
        assert measure(p, q) >= 0
        assert measure(floats([333333333e-9, 666666667e-9]), floats([1 / 3, 2 / 3])) >= 0

    def test_chi_square_of_integer_entries(self):
        """A one-hot target written in integers: (1 - 1/2)^2 / (1/2) + (1/2)^2 / (1/2) = 1."""
        assert chi_square(np.array([1, 0]), np.array([0.5, 0.5])) == 1.0

    def test_denormal_draft(self):
        p, q = floats([0.5, 0.5]), floats([1.0, 5e-324])
        assert kl_divergence(p, q) == pytest.approx(rel_entr(p, q).sum())
        assert chi_square(p, q) > 1e300

    @pytest.mark.parametrize("measure", [kl_divergence, js_divergence, chi_square, total_variation, overlap])
    def test_mismatched_vocabularies_are_not_broadcast(self, measure):
        with pytest.raises(ValueError, match="vocabular"):
            measure(floats([0.5, 0.5]), floats([1.0]))


class TestTopTokens:
    @given(values=st.lists(st.integers(0, 4), min_size=1, max_size=8), data=st.data())
    def test_against_a_plain_sort(self, values, data):
        count = data.draw(st.integers(0, len(values)))
        expected = sorted(range(len(values)), key=lambda token: (-values[token], token))[:count]
        assert top_tokens(floats(values), count).tolist() == expected
        exact = frozen(np.array([F(value) for value in values], dtype=object))
        assert top_tokens(exact, count).tolist() == expected

    def test_batches(self):
        values = floats([[[0.1, 0.4, 0.1, 0.4]], [[0.7, 0.1, 0.1, 0.1]]])
        assert top_tokens(values, 3).tolist() == [[[1, 3, 0]], [[0, 1, 2]]]
        assert top_tokens(values, 0).shape == (2, 1, 0)

    @pytest.mark.parametrize("count", [1, 3, 9, 10, 11, 700, 5003])
    @pytest.mark.parametrize("kinds", [2, 50, 10**9])
    def test_large_rows_are_searched_by_blocks(self, kinds, count):
        """Many equal entries and few, and a last block that isn't whole."""
        row = np.random.default_rng(kinds).integers(0, kinds, size=5003) / kinds
        assert top_tokens(row, count).tolist() == np.argsort(-row, kind="stable")[:count].tolist()

    def test_large_rows_whose_largest_are_in_one_block(self):
        row = np.zeros(5003)
        row[700:712] = np.arange(12)
        assert top_tokens(row, 5).tolist() == [711, 710, 709, 708, 707]
        row[5002] = np.inf
        assert top_tokens(row, 2).tolist() == [5002, 711]

    @pytest.mark.parametrize("count", [-1, 4])
    def test_count_out_of_range(self, count):
        with pytest.raises(ValueError, match=rf"count must be in 0\.\.3 \(the vocabulary\), got {count}"):
            top_tokens(fractions([1, 1, 1]), count)


class TestEdges:
    """What a comparison or a sum says where it is exactly on its edge."""

    def test_a_row_that_misses_one_by_just_the_tolerance_passes(self):
        assert check_distribution([0.75, 0.75], tolerance=0.5).tolist() == [0.75, 0.75]
        assert check_distribution([0.25, 0.25], tolerance=0.5).tolist() == [0.25, 0.25]
        for row in ([0.75, 0.7500001], [0.25, 0.2499999]):
            with pytest.raises(NotADistribution, match="sums to"):
                check_distribution(row, tolerance=0.5)

    def test_totals_beyond_floats_keep_the_ratios(self):
        shares = normalise([[1.6e308, 0.8e308, 0.0], [1.0, 3.0, 4.0]])
        assert shares[1].tolist() == [0.125, 0.375, 0.5]
        np.testing.assert_allclose(shares[0], [2 / 3, 1 / 3, 0], rtol=1e-15)

    def test_batches_of_fractions(self):
        batch = np.array([[F(1), F(3)], [F(2), F(2)]], dtype=object)
        assert normalise(batch).tolist() == [[F(1, 4), F(3, 4)], [F(1, 2), F(1, 2)]]
        assert overlap(normalise(batch), normalise(batch)[::-1]).tolist() == [F(3, 4), F(3, 4)]
        assert total_variation(normalise(batch), normalise(batch)[::-1]).tolist() == [F(1, 4), F(1, 4)]
        with pytest.raises(NotADistribution, match=r"weights has no mass in row \(1,\)"):
            normalise(np.array([[F(1), F(3)], [F(0), F(0)]], dtype=object))

    @pytest.mark.parametrize("size", [LARGE - 1, LARGE])
    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            (np.nan, "has the entry nan at token 7"),
            (np.inf, "has the entry inf at token 7"),
            (-1e-30, "has the entry -1e-30 at token 7"),
            (1e-5, "sums to 1.00001"),
        ],
    )
    def test_large_vocabularies_are_checked_alike(self, size, entry, message):
        """From ``LARGE`` on in machine code, where that is installed."""
        row = np.zeros(size)
        row[-1] = 1.0
        assert check_distribution(row) is row
        row[7] = entry
        with pytest.raises(NotADistribution, match=message):
            check_distribution(row)

    def test_vocabularies_of_one(self):
        assert check_distribution([1.0]).tolist() == [1.0]
        with pytest.raises(
            NotADistribution, match=r"needs a last axis of at least one token, got shape \(\)"
        ):
            check_distribution(1.0)
