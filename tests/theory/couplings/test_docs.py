"""Every rule says in its module and class whether it is lossless, and means it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import theory.couplings
import theory.walks

LINE = re.compile(r"^Lossless: (yes|no|as its coupling)$", re.MULTILINE)


def rules(package):
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            verb = "resolve" if package is theory.couplings else "verify"
            if (
                kind.__module__ == info.name
                and hasattr(kind, verb)
                and not getattr(kind, "_is_protocol", False)
            ):
                yield pytest.param(module, kind, id=kind.__name__)


COUPLINGS, WALKS = list(rules(theory.couplings)), list(rules(theory.walks))


def test_they_were_found():
    names = {param.id for param in COUPLINGS}
    assert {
        "Maximal",
        "Recursive",
        "SampleAndMatch",
        "KSeq",
        "SpecHub",
        "GreedyDraft",
        "OptimalPlan",
    } <= names
    assert "TopDown" in {param.id for param in WALKS}


@pytest.mark.parametrize(("module", "kind"), COUPLINGS)
def test_couplings_state_what_their_attribute_says(module, kind):
    (stated,) = LINE.findall(module.__doc__)
    assert stated in ("yes", "no")
    assert kind.lossless is (stated == "yes")
    assert f"Lossless: {stated}." in kind.__doc__


@pytest.mark.parametrize(("module", "kind"), WALKS)
def test_walks_state_what_their_attribute_says(module, kind):
    stated = set(LINE.findall(module.__doc__))
    assert stated <= {"yes", "no", "as its coupling"}
    if "as its coupling" in stated:
        for lossless in (True, False):
            assert kind(type("Coupling", (), {"lossless": lossless})()).lossless is lossless
    else:
        assert stated == {"yes" if kind.lossless is True else "no"}


@pytest.mark.parametrize(("module", "kind"), [*COUPLINGS, *WALKS])
def test_sources_and_costs_are_stated(module, kind):
    for heading in ("Complexity: ", "Source: "):
        assert re.search(f"^{heading}", module.__doc__, re.MULTILINE)
    assert "Examples\n" in kind.__doc__
