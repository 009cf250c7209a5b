"""Every number of a batch of pairs against a slow and direct computation of the same."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from specsim.report import BOUND, Demand, Method, RuleAboveBound, evaluate_pairs, methods
from specsim.report import pairs as module
from specsim.report.cells import ESTIMATE, EXACT, INTERVAL, exact_cells
from theory.bounds import Bound
from theory.couplings import Recursive
from theory.laws import HubPair

KS = (1, 2, 3, 4)
SAMPLES = 20_000


def make(n: int, size: int, seed: int, zeros: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(size, 0.5), n), rng.dirichlet(np.full(size, 0.5), n)
    q[:, :zeros] = 0
    return p, q / q.sum(axis=1, keepdims=True)


def column(cells: np.ndarray, ks: tuple[int, ...], law: str, rule: str, k: int) -> np.ndarray:
    return cells[:, methods(ks).index(Method(law, rule, k))]


@pytest.fixture(scope="module")
def small():
    """V = 6, so that drafts without replacement can be enumerated."""
    p, q = make(8, 6, seed=1)
    cells, audit = evaluate_pairs(p=p, q=q, demand=Demand(KS, samples=SAMPLES))
    return p, q, cells, audit


def error_allowed(found: np.void) -> float:
    """Empirical Bernstein bound for the mean of terms in [0, 1]: exceeded with a chance below 1e-12.

    A few standard errors would not do: acceptance can hang on rejections rarer than one in SAMPLES.
    """
    log = np.log(3 / 1e-12)
    return found["standard_error"] * np.sqrt(2 * log) + 3 * log / found["samples"]


# --- slow and direct -----------------------------------------------------------------------------------


def sequences(q: np.ndarray, k: int):
    """All ordered sets of drafts without replacement with their probabilities."""
    for drafts in permutations(np.flatnonzero(q), k):
        weight, left = 1.0, 1.0
        for token in drafts:
            weight, left = weight * q[token] / left, left - q[token]
        yield drafts, weight


def all_subsets_bound(p: np.ndarray, contained) -> float:
    best = 0.0
    for bits in range(2 ** len(p)):
        inside = np.array([bits >> token & 1 for token in range(len(p))], dtype=bool)
        best = min(best, p[inside].sum() - contained(inside))
    return 1 + best


def recursion(p: np.ndarray, laws: list[np.ndarray]) -> float:
    rejected = 1.0
    for q in laws:
        rejected *= 1 - np.minimum(p, q).sum()
        left = np.maximum(p - q, 0)
        p = left / left.sum() if left.sum() else p
    return 1 - rejected


def rejections(p: np.ndarray, q: np.ndarray, k: int) -> float:
    """Chance that recursive rejection refuses all of k drafts without replacement, draft by draft."""
    if k == 0:
        return 1.0
    total, refused, rest = 0.0, np.maximum(q - p, 0), np.maximum(p - q, 0)
    following = rest / rest.sum() if rest.sum() else p
    for token in np.flatnonzero(refused):
        left = q.copy()
        left[token] = 0
        again = rejections(following, left / left.sum(), k - 1) if k > 1 else 1.0
        total += refused[token] * again
    return total


# --- the numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 4])
def test_with_replacement(small, k):
    p, q, cells, _ = small
    recursive = column(cells, KS, "iid", "recursive", k)
    match = column(cells, KS, "iid", "sample-and-match", k)
    bound = column(cells, KS, "iid", BOUND, k)
    for i in range(len(p)):
        assert recursive["value"][i] == pytest.approx(recursion(p[i], [q[i]] * k), abs=1e-12)
        assert match["value"][i] == pytest.approx((p[i] * (1 - (1 - q[i]) ** k)).sum(), abs=1e-12)
        best = all_subsets_bound(p[i], lambda inside, i=i: q[i][inside].sum() ** k)
        assert bound["value"][i] == pytest.approx(best, abs=1e-12)
    assert (recursive["kind"] == EXACT).all()
    assert (bound["kind"] == EXACT).all()


@pytest.mark.parametrize("k", [2, 3, 4])
def test_k_seq_solves_its_equation(small, k):
    p, q, cells, _ = small
    value = column(cells, KS, "iid", "k-seq", k)["value"]
    for i in range(len(p)):
        rhos = np.linspace(1, k, 200_001)
        beta = np.minimum(p[i] / rhos[:, None], q[i]).sum(axis=1)
        accepted = (1 - (1 - beta) ** k)[(1 - (1 - beta) ** k) <= rhos * beta + 1e-15][0]
        assert value[i] == pytest.approx(accepted, abs=1e-4)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_bound_without_replacement_holds_the_optimum(small, k):
    p, q, cells, _ = small
    bound = column(cells, KS, "without-replacement", BOUND, k)
    for i in range(len(p)):
        sets = [(set(drafts), weight) for drafts, weight in sequences(q[i], k)]

        def contained(inside, sets=sets):
            tokens = set(np.flatnonzero(inside))
            return sum(weight for drafts, weight in sets if drafts <= tokens)

        best = all_subsets_bound(p[i], contained)
        assert bound["lower"][i] - 1e-12 <= best <= bound["upper"][i] + 1e-12
    assert (bound["kind"] == INTERVAL).all()
    assert (bound["upper"] - bound["lower"] < 1e-9).all()


def test_two_drafts_without_replacement_are_exact(small):
    p, q, cells, _ = small
    found = column(cells, KS, "without-replacement", "recursive", 2)
    assert (found["kind"] == EXACT).all()
    assert (found["samples"] == 0).all()
    for i in range(len(p)):
        assert found["value"][i] == pytest.approx(1 - rejections(p[i], q[i], 2), abs=1e-12)


# False alarm: below 1e-12 a comparison, see error_allowed; there are 8 x 5 of them, and the seed is fixed.
@pytest.mark.parametrize("k", [3, 4])
def test_estimates_of_recursive_rejection(small, k):
    p, q, cells, _ = small
    found = column(cells, KS, "without-replacement", "recursive", k)
    assert (found["kind"] == ESTIMATE).all()
    assert (found["samples"] == SAMPLES).all()
    assert np.isnan(found["lower"]).all()
    for i in range(len(p)):
        exact = 1 - rejections(p[i], q[i], k)
        assert abs(found["value"][i] - exact) <= error_allowed(found[i])


@pytest.mark.parametrize("k", [2, 3, 4])
def test_estimates_of_sample_and_match(small, k):
    p, q, cells, _ = small
    found = column(cells, KS, "without-replacement", "sample-and-match", k)
    assert (found["kind"] == ESTIMATE).all()
    for i in range(len(p)):
        exact = sum(weight * p[i][list(drafts)].sum() for drafts, weight in sequences(q[i], k))
        assert abs(found["value"][i] - exact) <= error_allowed(found[i])


def test_the_statistics_would_notice_a_wrong_rule(small):
    """The negative control: recursive rejection as if drafts were replaced is far off."""
    p, q, cells, _ = small
    found = column(cells, KS, "without-replacement", "recursive", 4)
    wrong = np.array([recursion(p[i], [q[i]] * 4) for i in range(len(p))])
    assert any(abs(found["value"][i] - wrong[i]) > error_allowed(found[i]) for i in range(len(p)))


@pytest.mark.parametrize("k", [2, 3, 4])
def test_top_k_plus_sample(small, k):
    p, q, cells, _ = small
    greedy = column(cells, KS, "top-k-plus-sample", "greedy-draft", k)["value"]
    recursive = column(cells, KS, "top-k-plus-sample", "recursive", k)["value"]
    bound = column(cells, KS, "top-k-plus-sample", BOUND, k)["value"]
    for i in range(len(p)):
        top = np.argsort(-q[i])[: k - 1]
        rest = q[i].copy()
        rest[top] = 0
        rest /= rest.sum()
        others = np.delete(np.arange(6), top)
        best = p[i][top].sum() + np.minimum(p[i], rest)[others].sum()
        assert greedy[i] == bound[i] == pytest.approx(best, abs=1e-12)
        points = [np.eye(6)[token] for token in top]
        assert recursive[i] == pytest.approx(recursion(p[i], [*points, rest]), abs=1e-12)


def test_hub_pair_and_point(small):
    p, q, cells, _ = small
    hub = column(cells, KS, "hub-pair", "spec-hub", 2)["value"]
    for i in range(len(p)):
        pairs = HubPair(q[i]).enumerate()
        best = all_subsets_bound(
            p[i],
            lambda inside, pairs=pairs: sum(w for pair, w in pairs.items() if inside[list(pair)].all()),
        )
        assert hub[i] == pytest.approx(best, abs=1e-12)
        for k in KS:
            top = np.argsort(-q[i])[:k]
            found = column(cells, KS, "point", "recursive", k)["value"][i]
            assert found == pytest.approx(p[i][top].sum(), abs=1e-12)
            assert found == pytest.approx(column(cells, KS, "point", BOUND, k)["value"][i], abs=1e-12)


def test_one_draft_is_shown_once(small):
    p, q, cells, _ = small
    assert {m.law for m in methods(KS) if m.k == 1} == {"single", "point"}
    for rule in ("maximal", BOUND):
        found = column(cells, KS, "single", rule, 1)["value"]
        assert found == pytest.approx(np.minimum(p, q).sum(axis=1), abs=1e-12)
    match = column(cells, KS, "single", "sample-and-match", 1)["value"]
    assert match == pytest.approx((p * q).sum(axis=1), abs=1e-12)


def test_no_rule_is_above_its_bound():
    p, q = make(40, 32, seed=5)
    ks = (1, 2, 4, 8)
    cells, audit = evaluate_pairs(p=p, q=q, demand=Demand(ks, samples=2000))
    for method in methods(ks):
        found, bound = (column(cells, ks, m.law, m.rule, m.k) for m in (method, method.bound))
        allowed = np.where(found["kind"] == ESTIMATE, 3 * np.log(3e12) / 2000, 1e-9)
        assert (found["value"] <= bound["upper"] + 8 * found["standard_error"] + allowed).all(), method
    # exact: all but bounds and the five estimated columns
    exact = sum(m.rule != BOUND for m in methods(ks)) - 5
    assert audit.comparisons.checked == 40 * exact
    assert audit.comparisons.largest < 1e-12


# --- small supports ------------------------------------------------------------------------------------


def test_more_drafts_than_tokens():
    ks = (2, 3, 8)
    p, q = make(5, 6, seed=2, zeros=3)
    cells, _ = evaluate_pairs(p=p, q=q, demand=Demand(ks))
    for law in ("without-replacement", "top-k-plus-sample", "point"):
        for rule in ("recursive", BOUND):
            eight, three = (column(cells, ks, law, rule, k) for k in (8, 3))
            assert (eight["drafts"] == 3).all()
            assert eight["value"] == pytest.approx(three["value"], abs=1e-12)
            # the three tokens are drafted for certain: no rule accepts more than their mass
            assert eight["value"] == pytest.approx(p[:, 3:].sum(axis=1), abs=1e-9)
    assert (column(cells, ks, "iid", "recursive", 8)["drafts"] == 8).all()


def test_a_single_token_is_one_draft():
    ks = (1, 2, 4)
    p, q = make(3, 6, seed=3, zeros=5)
    cells, _ = evaluate_pairs(p=p, q=q, demand=Demand(ks))
    for method in methods(ks):
        found = column(cells, ks, method.law, method.rule, method.k)
        assert (found["kind"] == EXACT).all(), method
        assert found["value"] == pytest.approx(p[:, 5], abs=1e-12), method
        if method.law not in ("iid", "single"):
            assert (found["drafts"] == 1).all()


def test_supports_may_differ_within_a_batch():
    ks = (1, 2, 4)
    p, q = make(6, 8, seed=4)
    q[1, 2:] = q[4, 1:] = 0
    q /= q.sum(axis=1, keepdims=True)
    together, audit = evaluate_pairs(p=p, q=q, demand=Demand(ks), label="x")
    for i in range(6):
        alone, _ = evaluate_pairs(p=p[[i]], q=q[[i]], rows=[i], demand=Demand(ks), label="x")
        assert together[i].tobytes() == alone[0].tobytes()
    assert audit.certificates["without-replacement"].checked == 12


@pytest.mark.parametrize("left", [1e-6, 1e-13, 1e-17])
def test_nearly_certain_drafts(left):
    """Below the resolution of cumulative sums, drafts are drawn one by one; the law stays the same."""
    ks = (3,)
    tail = np.array([0.0, 0.5, 0.3, 0.1, 0.1])
    q = np.array([[1 - left, 0, 0, 0, 0]]) + left * tail
    p = np.array([[0.0, 0.1, 0.2, 0.3, 0.4]])
    cells, _ = evaluate_pairs(p=p, q=q / q.sum(), demand=Demand(ks, samples=1000))
    found = column(cells, ks, "without-replacement", "sample-and-match", 3)[0]
    exact = sum(w * p[0][list(d)].sum() for d, w in sequences(tail, 2))
    assert abs(found["value"] - exact) <= error_allowed(found) + 10 * left


# --- checks --------------------------------------------------------------------------------------------


def test_certificates_of_a_stated_subset():
    p, q = make(5, 6, seed=6)
    certify = [True, False, False, True, False]
    _, audit = evaluate_pairs(p=p, q=q, demand=Demand((2, 3)), certify=certify)
    tally = audit.certificates["without-replacement"]
    assert (tally.checked, tally.total) == (4, 10)
    assert audit.certificates["iid"].checked == audit.certificates["iid"].total == 10
    _, audit = evaluate_pairs(p=p, q=q, demand=Demand((2, 3)), certify=np.zeros(5, dtype=bool))
    assert audit.certificates["without-replacement"].checked == 0


def test_a_rule_above_its_bound_is_not_passed_over(monkeypatch):
    p, q = make(3, 6, seed=7)
    honest = module._exact

    def lying(rule, pairs, law):
        cells = honest(rule, pairs, law)
        if isinstance(rule, Recursive):
            cells["value"][1] += 0.9
        return cells

    monkeypatch.setattr(module, "_exact", lying)
    with pytest.raises(RuleAboveBound, match=r"recursive with 2 drafts of the law iid .* in row 11, where"):
        evaluate_pairs(p=p, q=q, rows=[10, 11, 12], demand=Demand((2,)))


def test_a_value_that_is_no_number_is_not_passed_over(monkeypatch):
    p, q = make(2, 6, seed=7)
    monkeypatch.setattr(module, "_exact", lambda rule, pairs, law: exact_cells([0.1, np.nan], drafts=law.k))
    with pytest.raises(RuleAboveBound, match="accepts nan in row 1"):
        evaluate_pairs(p=p, q=q, demand=Demand((2,)))


def test_a_wrong_certificate_is_not_passed_over(monkeypatch):
    p, q = make(2, 6, seed=8)
    honest = module.optimal_iid

    def lying(p, q, ks):
        return [Bound(b.lower, b.upper, b.kind, ~b.dual_set, b.k) for b in honest(p, q, ks)]

    monkeypatch.setattr(module, "optimal_iid", lying)
    with pytest.raises(ValueError, match="certificate belongs to another p or law, or was altered"):
        evaluate_pairs(p=p, q=q, demand=Demand((2,)))


# --- inputs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ks": ()}, "ks must be one or more"),
        ({"ks": (2, 2)}, "ks must be one or more"),
        ({"ks": (4, 2)}, "ascending"),
        ({"ks": (0, 1)}, "at least 1"),
        ({"samples": 1}, "samples must be at least 2"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_demands_that_make_no_sense(change, message):
    with pytest.raises(ValueError, match=message):
        Demand(**change)


def test_pairs_that_make_no_sense():
    with pytest.raises(ValueError, match=r"q sums to 0.9"):
        evaluate_pairs(p=[[0.5, 0.5]], q=[[0.5, 0.4]], demand=Demand())
    with pytest.raises(ValueError, match=r"p must have the shape \(n, V\)"):
        evaluate_pairs(p=[0.5, 0.5], q=[0.5, 0.5], demand=Demand())
