"""How rules are recognised, and what is said of things that are none."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.testing import UnknownForm, as_rule, audit, scheme_rule
from specsim.testing.forms import FORMS, KINDS
from specsim.testing.rules import BadOutput, as_token, as_tokens
from theory.couplings import Maximal
from theory.rules import rule as published
from theory.walks import Block


def test_objects_classes_and_factories():
    assert as_rule(Maximal()).form == "a coupling"
    assert as_rule(Maximal).name == "Maximal"
    assert as_rule(lambda: Block(), name="made").form == "a walk"
    assert as_rule(published("block verification").build()).form == "a scheme"


def test_a_rule_is_taken_as_it_is():
    rule = scheme_rule(published("block verification").build(), "block")
    assert as_rule(rule) is rule


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_functions_by_the_names_of_their_parameters(form):
    function = eval(f"lambda {', '.join(form.parameters)}: 0")
    assert form.title in as_rule(function).form


def test_keyword_only_parameters_are_fine():
    def rule(*, chance, law, drafts, p):
        return chance.draw(p, stream="any")

    assert audit(rule, examples=5).lossless


def test_other_names_need_their_kind_and_are_passed_by_position():
    def rule(target, draft, x, generator_of_numbers):
        return int(generator_of_numbers.choice(target.size, p=target))

    with pytest.raises(UnknownForm, match=r"rule\(target, draft, x, generator_of_numbers\) has none of the"):
        as_rule(rule)
    assert audit(rule, kind="single-draft", examples=4).lossless


def test_parameters_with_defaults_do_not_count():
    def rule(p, q, token, rng, temperature=1.0):
        return int(rng.choice(p.size, p=p))

    assert as_rule(rule).form.startswith("a single-draft rule")


@pytest.mark.parametrize(
    ("thing", "kind", "message"),
    [
        (3, "auto", "int is no rule"),
        (lambda x: x, "auto", "has none of the known forms"),
        (lambda x: x, "tree", "can't be a tree rule"),
        (Maximal(), "chain", "unknown kind 'chain'; the kinds are auto"),
        (lambda a, key: 0, "auto", "has none of the known forms"),
    ],
)
def test_what_is_no_rule(thing, kind, message):
    with pytest.raises(UnknownForm, match=message):
        as_rule(thing, kind=kind)


def test_every_kind_has_a_form():
    assert {kind for form in FORMS for kind in form.kinds} == set(KINDS) - {"auto"}


@pytest.mark.parametrize("value", [2, np.int64(2), np.array(2), np.array([2])])
def test_tokens(value):
    assert as_token(value, 3) == 2


@pytest.mark.parametrize("value", [True, 1.0, None, "1", np.array([1, 2]), -1, 3])
def test_what_is_no_token(value):
    with pytest.raises(BadOutput, match="a rule return"):
        as_token(value, 3)


@pytest.mark.parametrize(("value", "message"), [([], "at least one token"), (1, "list of emitted tokens")])
def test_what_is_no_sequence_of_tokens(value, message):
    with pytest.raises(BadOutput, match=message):
        as_tokens(value, 3)
