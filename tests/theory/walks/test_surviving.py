"""Surviving prefixes: all paths that agree are drafts of one node."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.theory.strategies import F, fractions
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, best_expected_length, models
from theory.chance import Enumerated
from theory.couplings import Canonical, KSeq, Maximal, Recursive, SampleAndMatch
from theory.couplings.selections import PooledClip
from theory.laws import Iid, TopKPlusSample, WithoutReplacement
from theory.walks import Joined, Levels, Scheme, SurvivingPrefixes, TopDown, expected_length, named
from theory.walks.joined import joined

KINDS = ("zeros", "twisted")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "coupling",
    [KSeq(), Recursive(), SampleAndMatch(), Canonical(PooledClip())],
    ids=["kseq", "rrs", "match", "clip"],
)
def test_lossless(coupling, kind):
    assert_rounds(named.spectr(2, 2, coupling), *models(6, kind=kind), rounds=1, length=3)


@pytest.mark.parametrize("kind", KINDS)
def test_other_laws(kind):
    """Children of survivors: without replacement after i.i.d., and point masses, which may repeat."""
    for branching in [(named.iid(2), named.without_replacement(1)), (named.top(2), named.top(2))]:
        scheme = Scheme(Levels(branching), SurvivingPrefixes(Recursive()))
        assert_rounds(scheme, *models(2, kind=kind), rounds=1, length=3)


def test_two_rounds():
    scheme = named.paths(2, 1, SurvivingPrefixes(KSeq()))
    assert_rounds(scheme, *models(1, kind="zeros"), rounds=2, length=3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_three_paths(kind):
    assert_rounds(named.spectr(3, 2, Recursive()), *models(7, kind=kind), rounds=1, length=3)


def test_survivors_help_and_stay_below_the_linear_program():
    """A top-down walk follows the first of equal siblings only."""
    for seed in (1, 2, 3):
        target, draft = models(seed)
        scheme = named.spectr(2, 2, Recursive())
        length = expected_length(scheme=scheme, target=target, draft=draft)
        first_only = Scheme(scheme.grow, TopDown(Recursive()))
        assert length > expected_length(scheme=first_only, target=target, draft=draft)
        assert float(length) <= best_expected_length(scheme, target, draft) + 1e-9


def test_one_path_is_token_level():
    target, draft = models(1)
    one = expected_length(scheme=named.spectr(1, 2, Maximal()), target=target, draft=draft)
    assert one == expected_length(scheme=named.token_level(2), target=target, draft=draft)


def test_lossless_as_its_coupling():
    class Lossy:
        lossless = False

    assert SurvivingPrefixes(Recursive()).lossless
    assert not SurvivingPrefixes(Lossy()).lossless  # type: ignore[arg-type]


class TestJoinedLaws:
    def test_one_law_stays_itself_and_equal_ones_become_iid(self):
        q = fractions([3, 2, 1])
        law = Iid(q, 2)
        assert joined([law]) is law
        both = joined([law, Iid(fractions([3, 2, 1]), 1)])
        assert isinstance(both, Iid)
        assert both.k == 3

    def test_products(self):
        q, r = fractions([3, 2, 1]), fractions([1, 1, 1])
        law = joined([WithoutReplacement(q, 2), Iid(r, 1), TopKPlusSample(q, 1)])
        assert isinstance(law, Joined)
        assert (law.k, law.vocabulary, law.history_free) == (4, 3, False)
        assert joined([Iid(q, 1), Iid(r, 1)]).history_free
        table = law.enumerate()
        assert sum(table.values()) == 1
        assert table[1, 0, 2, 2] == F(1, 3) * F(3, 4) * F(1, 3) * F(1, 6)
        with pytest.raises(ValueError, match="all 4 drafts are drawn already"):
            law.conditional((0, 1, 2, 2))


@dataclass(frozen=True)
class Greedy:
    """Follows survivors of the *last* level's choice, but keeps the drafts of paths that did not survive."""

    lossless = True

    def verify(self, *, tree, target, chance):
        level = [tree.tokens[node] for node in range(len(tree.tokens)) if tree.depths[node] == 2]
        law = joined([tree.laws[node] for node in range(len(tree.tokens)) if tree.depths[node] == 1])
        verified = SurvivingPrefixes(Recursive()).verify(tree=tree, target=target, chance=chance)
        if len(verified.path) != 1:
            return verified
        prefix = verified.tokens[:1]
        again = Recursive().resolve(p=target(prefix), drafts=tuple(level), law=law, chance=chance, level=1)
        return type(verified)((*prefix, again.token), verified.path, bonus=False)


def test_trying_drafts_again_is_refuted():
    """A negative control: the drafts of a level are used a second time after they were refused."""
    with pytest.raises(AssertionError, match="the joint law is not the target's"):
        assert_on_tables(Scheme(named.spectr(2, 2).grow, Greedy()), length=3)


def test_what_a_round_says():
    target, draft = models(1)
    scheme = named.spectr(2, 2, Recursive())

    def program(chance):
        tree = scheme.grow(draft=draft, chance=chance)
        return tree, scheme.walk.verify(tree=tree, target=target, chance=chance)

    for path in Enumerated().paths(program):
        tree, verified = path.outcome
        node = verified.path[-1] if verified.path else 0
        assert verified.path == tree.path(node)
        assert verified.tokens[:-1] == tree.prefix(node)
        assert verified.bonus == (len(verified.path) == 2)
