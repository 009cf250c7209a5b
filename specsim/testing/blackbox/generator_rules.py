"""Functions of numpy arrays and a ``numpy.random.Generator`` as rules of an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specsim.testing.blackbox.box_rules import Arrays, BoxNodeRule, BoxRule, BoxTreeRule
from specsim.testing.blackbox.drive import Drive
from specsim.testing.blackbox.extraction import Effort
from specsim.testing.blackbox.generator import DrivenGenerator
from specsim.testing.forms import RNG_CHAIN, RNG_MULTI, RNG_SAMPLER, RNG_SINGLE, RNG_TREE, Form


@dataclass(frozen=True)
class GeneratorBackend:
    """A generator is passed in as the parameter ``rng``."""

    effort: Effort = field(default_factory=Effort)

    def driven(self, function: Callable[..., Any], given: Arrays, drive: Drive) -> Any:
        """Call with a driven generator."""
        return function(**given, rng=DrivenGenerator(drive))

    def free(self, function: Callable[..., Any], given: Arrays, rng: np.random.Generator) -> Any:
        """Call with the generator itself."""
        return function(**given, rng=rng)


def generator_rule(form: Form, call: Callable[..., Any], name: str, effort: Effort | None = None) -> BoxRule:
    """The rule of a function of one of the forms that end in ``rng``."""
    return box_rule(form, call, name, GeneratorBackend(effort or Effort()), title=f"{form.title}, {form}")


def box_rule(form: Form, call: Callable[..., Any], name: str, backend: Any, *, title: str) -> BoxRule:
    """The rule of a function of a form, with its randomness from a backend."""
    if form == RNG_SINGLE:
        return BoxNodeRule(name, title, call, backend)
    if form == RNG_MULTI:
        return BoxNodeRule(name, title, call, backend, default_drafts=(2,), drafts_as="tokens")
    if form == RNG_SAMPLER:
        return BoxNodeRule(name, title, call, backend, drafts_as=None)
    assert form in (RNG_CHAIN, RNG_TREE)
    over_trees = form == RNG_TREE
    drafts = (1, 2) if over_trees else (1,)
    return BoxTreeRule(name, title, call, backend, default_drafts=drafts, over_trees=over_trees)
