"""Bounds of pairs, and the sets that thresholds stand for."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.bounding import LAWS, Question, bound_pairs
from specsim.bounding.pairs import proving_set, truncated_cells
from specsim.report.cells import EXACT, INTERVAL
from theory.bounds import Truncated, dual_value, optimal_acceptance
from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement

MAKE = {
    "iid": Iid,
    "without-replacement": WithoutReplacement,
    "top-k-plus-sample": TopKPlusSample,
    "point": Point.top,
}
KS = (1, 2, 4)
METHODS = [(law, k) for law in LAWS for k in KS]


def random_pairs(seed: int, n: int = 6, vocabulary: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(vocabulary, 0.5), n), rng.dirichlet(np.full(vocabulary, 0.5), n)
    q[0, 3:] = 0  # three tokens
    q[0] /= q[0].sum()
    p[1] = q[1]  # all ratios are one
    q[2, :2], p[2, 1:3] = 0, 0  # tokens that only one of them has, and one that neither has
    p[3] = np.where(np.arange(vocabulary) < 5, 0.04, 0.2)  # runs of ties
    q[3] = np.where(np.arange(vocabulary) < 5, 0.12, 0.1)
    return p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)


def test_numbers_are_those_of_the_library():
    p, q = random_pairs(0)
    found = bound_pairs(p=p, q=q, laws=LAWS, ks=KS)
    for at, (name, k) in enumerate(METHODS):
        for row in range(len(p)):
            count = k if name == "iid" else min(k, int((q[row] > 0).sum()))
            bound = optimal_acceptance(p=p[row], law=MAKE[name](q[row], count))
            cell = found.cells[row, at]
            assert cell["value"] == pytest.approx(float(bound.value), abs=1e-10), (name, k, row)
            assert cell["lower"] <= cell["value"] <= cell["upper"]
            assert cell["drafts"] == count
    assert (found.cells["kind"][:, [m[0] == "iid" for m in METHODS]] == EXACT).all()
    assert (found.cells["kind"][:, METHODS.index(("without-replacement", 4))] == INTERVAL).all()


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_prove_the_bounds(seed):
    """From p, q, the law's name and one number alone; ties and impossible tokens included."""
    p, q = random_pairs(seed)
    found = bound_pairs(p=p, q=q, laws=LAWS, ks=KS, sets=True)
    assert found.sets is not None
    for at, (name, k) in enumerate(METHODS):
        for row in range(len(p)):
            drafts = int(found.cells["drafts"][row, at])
            threshold = float(found.thresholds[row, at])
            assert np.isnan(threshold) == (name in ("top-k-plus-sample", "point"))
            inside = proving_set(p=p[row], q=q[row], law=name, k=drafts, threshold=threshold)
            for proof in (inside, found.sets[row, at]):
                value = float(dual_value(p[row], MAKE[name](q[row], drafts), proof))
                assert value == pytest.approx(found.cells["upper"][row, at], abs=1e-9), (name, k, row)


def test_a_wrong_threshold_proves_less():
    """Negative control: half of the threshold is a set, and a worse one."""
    p, q = random_pairs(5)
    found = bound_pairs(p=p, q=q, laws=("iid",), ks=(2,))
    worse = [
        float(
            dual_value(p[row], Iid(q[row], 2), proving_set(p=p[row], q=q[row], law="iid", k=2, threshold=t))
        )
        - found.cells["upper"][row, 0]
        for row, t in enumerate(found.thresholds[:, 0] / 2)
    ]
    assert min(worse) >= -1e-12
    assert max(worse) > 0.01


def test_checks_are_counted():
    p, q = random_pairs(1)
    certify = np.arange(len(p)) < 2
    tallies = bound_pairs(p=p, q=q, laws=LAWS, ks=(2,), certify=certify).audit.certificates
    assert {name: (tally.checked, tally.total) for name, tally in tallies.items()} == {
        name: (2 if name == "without-replacement" else 6, 6) for name in LAWS
    }


def test_truncated_intervals_hold_the_bounds():
    p, q = random_pairs(7, n=8, vocabulary=14)
    whole = bound_pairs(p=p[4:], q=q[4:], laws=LAWS, ks=KS).cells
    for row in range(4, 8):
        lists = {"p": Truncated.of(p[row], 5), "q": Truncated.of(q[row], 5)}
        cells = truncated_cells(**lists, laws=LAWS, ks=KS)
        assert (cells["lower"] <= whole["upper"][row - 4] + 1e-12).all()
        assert (cells["upper"] >= whole["lower"][row - 4] - 1e-12).all()
        assert set(cells["kind"]) == {INTERVAL}
        assert cells["drafts"].tolist() == [k for _, k in METHODS]


def test_a_list_that_is_too_short():
    p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    with pytest.raises(ValueError, match="the top 3 tokens of q are not all known: it lists 2"):
        truncated_cells(p=p, q=p, laws=("point",), ks=(3,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"laws": ()}, "laws must be different ones of iid"),
        ({"laws": ("iid", "hub")}, "laws must be different ones of iid"),
        ({"ks": (2, 2)}, "ks must be one or more different"),
        ({"ks": (0,)}, "ks must be one or more different"),
        ({"temperatures": ()}, "temperatures must be one or more"),
        ({"temperatures": (-1.0,)}, "temperature must be finite and at least 0"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"top": 4}, "top is 4, but with 8 drafts"),
    ],
)
def test_questions_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Question(**settings)
