"""Every rule of the registry, proved or refuted: joint laws over one and two rounds, as fractions.

Target and draft depend on the context; some rows are equal, mirrored, point masses or have zeros. The text is
completed with samples of the target and cut after depth + 1 tokens (one round) or depth + 2 (two).
"""

from __future__ import annotations

import importlib
import inspect
import re

import numpy as np
import pytest

from tests.theory.strategies import floats
from tests.theory.walks.rounds_audit import assert_on_tables, assert_rounds, models
from theory.chance import Enumerated
from theory.proof import target_law
from theory.rules import RULES, Rule, UnknownRule, blurred, rule
from theory.walks import Scheme, law_of_rounds

LOSSLESS = [entry for entry in RULES if entry.lossless]
LOSSY = [entry for entry in RULES if not entry.lossless]
KINDS = ("positive", "zeros", "twisted")
#: Two rounds of these take longer than a second or two.
LARGE = {
    "RSD constant tree",
    "traversal, without replacement",
    "SpecInfer tree",
    "SpecInfer tree, naive sampling",
    "SpecTr paths",
    "surviving prefixes, recursive",
    "list-level Gumbel paths",
    "traversal, i.i.d.",
    "multi-path block, priority order",
    "multi-path block, clipped",
    "multi-path block, uniform slot",
    "foresight block",
    "two-level hierarchy",
    "two-level block hierarchy",
}


def by_name(entries):
    return [pytest.param(entry, id=entry.name) for entry in entries]


def problem(entry: Rule, seed: int, kind: str):
    """A target and a draft that the rule's claim is about."""
    target, draft = models(seed, kind="positive" if entry.draft_support > 1 else kind)
    if entry.targets == "temperature 0":
        return greedy(target), draft
    return target, draft


def greedy(model):
    """The model at temperature zero."""

    def row(prefix):
        p = model(prefix)
        out = p * 0
        out[int(np.argmax(p))] += 1
        return out

    return row


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entry", by_name([entry for entry in LOSSLESS if entry.name not in LARGE]))
def test_one_round(entry, kind):
    target, draft = problem(entry, 1, kind)
    assert_rounds(entry.build(), target, draft, rounds=1, length=entry.depth + 1)


@pytest.mark.parametrize("entry", by_name([entry for entry in LOSSLESS if entry.name in LARGE]))
def test_one_round_of_the_large_ones(entry):
    """On one table here, on many more in the slow run."""
    target, draft = problem(entry, 1, "twisted")
    assert_rounds(entry.build(), target, draft, rounds=1, length=entry.depth + 1)


@pytest.mark.parametrize("entry", by_name([entry for entry in LOSSLESS if entry.name not in LARGE]))
def test_two_rounds(entry):
    target, draft = problem(entry, 2, "zeros")
    assert_rounds(entry.build(), target, draft, rounds=2, length=entry.depth + 2)


@pytest.mark.parametrize("entry", by_name(LOSSLESS))
def test_the_same_program_in_floats(entry):
    """One round, enumerated in float64: within rounding of the target's law, ties and zeros included."""
    target, draft = problem(entry, 1, "twisted")
    law = law_of_rounds(
        scheme=entry.build(),
        target=lambda prefix: floats(target(prefix)),
        draft=lambda prefix: floats(draft(prefix)),
        rounds=1,
        length=entry.depth + 1,
    )
    truth = target_law(target=target, length=entry.depth + 1)
    for tokens in set(law) | set(truth):
        assert abs(law.get(tokens, 0.0) - float(truth.get(tokens, 0))) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("entry", by_name([entry for entry in LOSSLESS if entry.name in LARGE]))
def test_two_rounds_of_the_large_ones(entry):
    target, draft = problem(entry, 2, "zeros")
    assert_rounds(entry.build(), target, draft, rounds=2, length=entry.depth + 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, *range(3, 8)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entry", by_name(LOSSLESS))
def test_more_tables(entry, kind, seed):
    target, draft = problem(entry, seed, kind)
    assert_rounds(entry.build(), target, draft, rounds=1, length=entry.depth + 1)


@pytest.mark.parametrize("entry", by_name(LOSSY))
def test_lossy_rules_are_refuted(entry):
    """The same check has to fail for every rule that says it is lossy, on one of a few tables."""
    scheme = entry.build()
    with pytest.raises(AssertionError, match="the joint law is not the target's"):
        assert_on_tables(scheme, length=entry.depth + 1)


class TestTheList:
    def test_there_are_enough(self):
        assert len(LOSSLESS) >= 18
        assert {entry.kind for entry in LOSSLESS} == {"chain", "multi-draft", "tree"}

    def test_names_are_unique(self):
        assert len({entry.name.lower() for entry in RULES}) == len(RULES)

    @pytest.mark.parametrize("entry", by_name(RULES))
    def test_claims_agree_with_the_walk(self, entry):
        scheme = entry.build()
        assert isinstance(scheme, Scheme)
        if entry.targets == "any":
            assert scheme.lossless is entry.lossless
        else:
            assert entry.name == "greedy match at temperature 0"
            assert not scheme.lossless
        assert entry.source
        assert entry.complexity

    @pytest.mark.parametrize("entry", by_name(RULES))
    def test_depth_is_that_of_the_trees(self, entry):
        _, draft = problem(entry, 1, "positive")
        depths = Enumerated().law(lambda chance: entry.build().grow(draft=draft, chance=chance).depth)
        assert max(depths) == entry.depth

    @pytest.mark.parametrize("entry", by_name(RULES))
    def test_options_make_another_scheme(self, entry):
        """Every rule can be built larger; all options have defaults."""
        parameters = inspect.signature(entry.build).parameters
        assert parameters
        assert all(parameter.default is not parameter.empty for parameter in parameters.values())

    def test_unknown_names_get_suggestions(self):
        assert rule("Block Verification") is rule("block verification")
        with pytest.raises(
            UnknownRule, match="no rule 'blok verification'; did you mean 'block verification'"
        ):
            rule("blok verification")
        with pytest.raises(UnknownRule, match=r"no rule 'xyzzy'; theory\.rules\.RULES lists them all"):
            rule("xyzzy")

    def test_the_smaller_model_of_hierarchies_is_a_distribution(self):
        _, draft = models(1, kind="zeros")
        small = blurred(draft)
        assert sum(small((0,))) == 1
        assert small((0,)).tolist() != draft((0,)).tolist()


@pytest.mark.parametrize(
    "name", ["engine_threshold", "greedy_match", "hub_shortcut", "judge", "lenient", "rapid", "typical"]
)
def test_lossy_modules_say_so(name):
    module = importlib.import_module(f"theory.lossy.{name}")
    for line in ("Lossless: no", "Complexity: .+", "Source: .+"):
        assert len(re.findall(f"^{line}$", module.__doc__, re.MULTILINE)) == 1
    kinds = [
        kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__
    ]
    assert kinds
    for kind in kinds:
        assert kind.lossless is False
        assert "Lossless: no." in kind.__doc__
        assert "Examples\n" in kind.__doc__


def test_a_target_without_randomness_is_the_law_of_greedy_match():
    """The two entries differ in the target that the claim is about, not in the program."""
    entry = rule("greedy match at temperature 0")
    target, draft = models(4)
    law = law_of_rounds(scheme=entry.build(), target=target, draft=draft, rounds=2, length=3)
    truth = target_law(target=greedy(target), length=2)
    assert {tokens[:2] for tokens in law} == set(truth)
