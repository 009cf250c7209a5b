"""Each policy against its own words, and all of them against enumeration."""

from fractions import Fraction as F

import numpy as np
import pytest

from specsim.policies import (
    AdaEdl,
    Classifier,
    Done,
    Features,
    Fixed,
    Forgetful,
    Goodput,
    Missing,
    PearlAdaptive,
    Peeking,
    Planned,
    PlusTwoMinusOne,
    Seen,
    SpecDecPlusPlus,
    Submitted,
    Svip,
    TopOne,
    Ucb,
    fit_classifier,
    is_lossless,
    law_of_policy,
    pearl_length,
)
from tests.theory.walks.rounds_audit import models
from theory.chance import Sampled
from theory.proof import target_law
from theory.stopping import Confidence, Times, best_length, optimal_policy

TIMES = Times(F(1, 10), 1)
PROBLEM = Confidence.iid(acceptance=[0.4, 0.9], shares=[0.5, 0.5], times=Times(0.3, 1.0), limit=4)

#: Every policy that is shipped, set so that it stops now here, now there on the tables of the test.
SHIPPED = {
    "fixed": Fixed(2),
    "none": Fixed(0),
    "heuristic": PlusTwoMinusOne(first=1),
    "pearl": PearlAdaptive(block=1),
    "specdec++": SpecDecPlusPlus(threshold=0.8, least=0),
    "specdec++ with lag": SpecDecPlusPlus(threshold=0.5, least=0, lag=1),
    "kangaroo": TopOne(threshold=0.5),
    "kangaroo behind": TopOne(threshold=0.5, looks="behind"),
    "svip": Svip(threshold=1.0),
    "svip here": Svip(threshold=1.0, looks="here"),
    "adaedl": AdaEdl(first=0.56),
    "adaedl behind": AdaEdl(first=0.56, looks="behind"),
    "classifier": Classifier(weights=(-1.6, 4.0, 0.0, -0.5)),
    "classifier behind": Classifier(weights=(-1.6, 4.0, 0.0, -0.5), looks="behind"),
    "ucb": Ucb(lengths=(0, 1, 2), times=TIMES),
    "goodput": Goodput(times=Times(0.3, 1.0), first=0.5, keep=0.5),
    "planned": Planned(PROBLEM, optimal_policy(PROBLEM), edges=(0.41,)),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies_are_lossless(name):
    """Two rounds on context-dependent tables of three tokens, exact: positive, equal rows, point masses."""
    for seed, kind in ((1, "positive"), (3, "twisted")):
        assert_lossless(SHIPPED[name], seed, kind, rounds=2, length=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies_are_lossless_over_three_rounds(name):
    for seed, kind in ((1, "positive"), (2, "zeros"), (3, "twisted")):
        assert_lossless(SHIPPED[name], seed, kind, rounds=3, length=4)


def assert_lossless(policy, seed, kind, *, rounds, length):
    target, draft = models(seed, kind=kind)
    chain = Submitted(policy)
    law = law_of_policy(chain, target=target, draft=draft, rounds=rounds, length=length, limit=2)
    assert sum(law.values()) == 1
    assert law == target_law(target=target, length=length)


def test_shipped_policies_differ_on_these_tables():
    """So the test above is no test of one length: most policies stop early somewhere and go on somewhere."""
    drafts = [models(seed)[1] for seed in (1, 2, 3, 4)]

    def lengths(policy):
        chain = Submitted(policy)
        found = set()
        for draft in drafts:
            for seed in range(12):
                chance = Sampled(np.random.default_rng(seed))
                tree, _ = chain.draft(draft=draft, memory=chain.begin(), limit=3, chance=chance)
                found.add(tree.depth)
        return found

    several = [name for name, policy in SHIPPED.items() if len(lengths(policy)) > 1]
    assert {"specdec++", "kangaroo", "svip", "adaedl", "classifier", "planned"} <= set(several)


def test_a_policy_that_peeks_is_refuted():
    for threshold in (F(1, 3), F(1, 4)):
        pairs = (models(seed) for seed in (1, 2, 3, 4))
        assert not all(is_lossless(Peeking(threshold), target=p, draft=q) for p, q in pairs)


def test_peeking_without_effect_is_lossless():
    target, draft = models(1)
    assert is_lossless(Peeking(0), target=target, draft=draft)


def test_a_memory_of_dropped_tokens_is_refuted():
    """The same error through a back door: a chain that redraws until it likes its token."""

    class Choosy(Peeking):
        def draft(self, *, draft, memory, limit, chance):
            for attempt in range(2):
                tree, features = super().draft(
                    draft=draft, memory=memory, limit=limit, chance=_Renamed(chance, attempt)
                )
                if features:
                    return tree, features
            return tree, features

    target, draft = models(1)
    assert not is_lossless(Choosy(F(1, 4)), target=target, draft=draft)


class _Renamed:
    def __init__(self, chance, attempt):
        self.chance, self.attempt = chance, attempt

    def flip(self, probability, *, stream):
        return self.chance.flip(probability, stream=f"{stream}/{self.attempt}")

    def draw(self, weights, *, stream):
        return self.chance.draw(weights, stream=f"{stream}/{self.attempt}")


def seen(*confidences, here=None, top=None, entropy=None):
    return Seen(
        tuple(Features(confidence=value, top=top, entropy=entropy) for value in confidences), here=here
    )


def test_heuristic():
    policy = PlusTwoMinusOne(first=5, most=8)
    assert policy.learn(5, Done(5, 4)) == 4
    assert policy.learn(7, Done(7, 7)) == 8
    assert policy.learn(1, Done(1, 0)) == 1
    assert policy.more(seen(*[None] * 4), 5)
    assert not policy.more(seen(*[None] * 5), 5)


def test_spec_dec_pp():
    policy = SpecDecPlusPlus(threshold=0.3, least=2, most=4)
    assert policy.more(seen(0.1), None)  # the least length
    assert policy.more(seen(0.9, 0.8), None)  # 1 - 0.72
    assert not policy.more(seen(0.9, 0.7), None)  # 1 - 0.63
    assert not policy.more(seen(1, 1, 1, 1), None)  # the most
    lagging = SpecDecPlusPlus(threshold=0.3, least=0, lag=1)
    assert lagging.more(seen(0.9, 0.1), None)
    assert not lagging.more(seen(0.1, 0.9), None)


def test_top_one_svip_adaedl():
    here = TopOne(threshold=0.6, most=3)
    assert here.looks == "here"
    assert here.more(seen(here=Features(top=0.1)), None)
    assert here.more(seen(None, here=Features(top=0.6)), None)
    assert not here.more(seen(None, here=Features(top=0.59)), None)
    assert not here.more(seen(None, None, None, here=Features(top=1.0)), None)
    svip = Svip(threshold=0.3)
    assert svip.more(seen(None, entropy=0.09), None)
    assert not svip.more(seen(None, entropy=0.0901), None)
    adaedl = AdaEdl(gamma=0.2, first=0.5)
    assert adaedl.more(seen(None, here=Features(entropy=1.25)), adaedl.begin())  # 1 - sqrt(0.25)
    assert not adaedl.more(seen(None, here=Features(entropy=1.3)), adaedl.begin())
    good = adaedl.learn((1.0, 0.5), Done(4, 4))
    assert good[1] < 0.5 < adaedl.learn((0.0, 0.5), Done(4, 0))[1]
    assert adaedl.learn((0.3, 0.5), Done(0, 0)) == (0.3, 0.5)


def test_pearl_and_goodput_take_two_times():
    assert pearl_length(Times(0.25, 1)) == 4
    assert pearl_length(Times(3, 1)) == 1
    policy = Goodput(times=Times(0.1, 1.0), keep=0.5)
    assert policy.length(0.8) == best_length(acceptance=0.8, times=Times(0.1, 1.0)).length
    assert policy.learn(0.8, Done(4, 1)) == pytest.approx((0.8 * 0.5 + 0.5) * 0.5)
    assert policy.learn(0.8, Done(2, 2)) == pytest.approx(0.8 * 0.25 + 0.75)
    with pytest.raises(ValueError, match="takes no time"):
        pearl_length(Times(0, 1))


def test_bandit_finds_the_length_of_the_largest_rate_not_of_most_tokens():
    """Acceptance 0.5, dear drafts: 8 drafts bring most tokens, 1 most tokens a unit of time."""
    times, rng = Times(0.4, 1.0), np.random.default_rng(0)
    policy = Ucb(lengths=(1, 8), times=times, width=0.25)
    memory = policy.begin()
    for _ in range(1500):
        length = policy.lengths[policy.arm(memory)]
        run = int(rng.geometric(0.5)) - 1
        memory = policy.learn(memory, Done(length, min(run, length)))
    (short, _), (long, _) = memory
    assert short > 10 * long
    assert policy.learn(memory, Done(3, 3, cut=True)) == memory


def test_bandit_bonus_is_of_its_own_arm():
    policy = Ucb(lengths=(2, 3), times=TIMES)
    few, many = ((3, 3), (50, 50)), ((50, 50), (3, 3))
    assert policy.index(few, 0) > policy.index(many, 0)


def test_classifier_learns_a_logistic_law():
    rng = np.random.default_rng(1)
    top = rng.uniform(0, 1, 4000)
    accepted = rng.random(4000) < 1 / (1 + np.exp(2 - 5 * top))
    rows = zip(top, accepted, strict=True)
    examples = [(Features(top=float(t), entropy=0.0), 0, bool(a)) for t, a in rows]
    weights = fit_classifier(examples)
    assert weights[:2] == pytest.approx((-2, 5), abs=0.45)
    assert Classifier(weights).predicted(Features(top=0.4, entropy=0.0), 0) == pytest.approx(0.5, abs=0.05)


def test_planned_reads_the_table_at_its_counts():
    best = optimal_policy(PROBLEM)
    policy = Planned(PROBLEM, best, edges=(0.5,))
    for history in ((0.1,), (0.9,), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        kinds = [int(value > 0.5) for value in history]
        stop = best.stops[len(history)][kinds.count(0), kinds[-1]]
        assert policy.more(seen(*history), None) is not bool(stop)
    assert not policy.more(seen(0.9, 0.9, 0.9, 0.9), None)


def test_what_is_missing_is_said():
    with pytest.raises(Missing, match="needs the feature 'confidence'"):
        SpecDecPlusPlus(least=0).more(seen(None), None)
    with pytest.raises(Missing, match="must be 'here'"):
        TopOne().more(seen(None), None)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Fixed(-1), "length must be"),
        (lambda: PlusTwoMinusOne(first=0), "first must be"),
        (lambda: SpecDecPlusPlus(threshold=2), "threshold must be in"),
        (lambda: TopOne(most=0), "most must be"),
        (lambda: Svip(threshold=-1), "threshold must be at least 0"),
        (lambda: AdaEdl(gamma=-1), "gamma and step"),
        (lambda: Classifier(weights=(1.0, 2.0)), "four finite numbers"),
        (lambda: Ucb(lengths=(1, 1), times=TIMES), "all different"),
        (lambda: Ucb(lengths=(1,), times=TIMES, delta=0), "delta must be"),
        (lambda: Goodput(times=TIMES, keep=1), "keep must be"),
        (lambda: PearlAdaptive(block=0), "block must be"),
        (lambda: Planned(PROBLEM, optimal_policy(PROBLEM), edges=()), "1 rising edges"),
        (lambda: Features(top=2), "top must be"),
        (lambda: Features(entropy=-1), "entropy must be"),
        (lambda: fit_classifier([(Features(top=1, entropy=0), 0, True)]), "accepted and of rejected"),
    ],
)
def test_bad_settings(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_forgetful_policies_have_no_memory():
    assert Forgetful().begin() is None
    assert Forgetful().learn(None, Done(3, 1)) is None
