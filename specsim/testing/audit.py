"""The audit itself: a rule is examined on its scope, and a verdict is given."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Unpack

from specsim.testing.blackbox.drive import NotDrivable
from specsim.testing.blackbox.sampling_audit import sampled_verdict
from specsim.testing.counterexample import Counterexample
from specsim.testing.exact_audit import examined_verdict
from specsim.testing.forms import as_rule
from specsim.testing.scope import Options, Scope
from specsim.testing.universal_audit import with_proofs
from specsim.testing.verdict import REFUTED, Verdict


class AuditFailure(AssertionError):
    """A rule did not pass; ``verdict`` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


class NotLossless(AuditFailure):
    """A rule was refuted; ``verdict.counterexample`` is the smallest case that was found."""


class RuleFailed(AuditFailure):
    """A rule could not be examined: it raised, or its outcome was no function of its inputs and chance."""


def audit(rule: Any, *, kind: str = "auto", name: str | None = None, **options: Unpack[Options]) -> Verdict:
    """Examine a rule and return the verdict; it does not raise for a rule that is wrong.

    Parameters are those of :func:`assert_lossless`.
    """
    known = as_rule(rule, kind=kind, name=name)
    scope = Scope.of(known, options)
    started = time.perf_counter()
    verdict = _strictly(_verdict(known, scope)) if scope.strict else _verdict(known, scope)
    return replace(verdict, seconds=time.perf_counter() - started)


def _verdict(rule: Any, scope: Scope) -> Verdict:
    base = Verdict("", rule.name, rule.form, vocabulary=scope.vocabulary, seed=scope.seed)
    if scope.method == "sample":
        return sampled_verdict(rule, scope, base, "sampling was asked for")
    try:
        verdict = examined_verdict(rule, scope, base)
        return with_proofs(rule, scope, verdict) if scope.prove else verdict
    except NotDrivable as reason:
        return sampled_verdict(rule, scope, base, str(reason))


def _strictly(verdict: Verdict) -> Verdict:
    if not verdict.warnings or not verdict.lossless:
        return verdict
    return replace(verdict, status=REFUTED, reason=f"strictly: {verdict.warnings[0]}")


def assert_lossless(
    rule: Any, *, kind: str = "auto", name: str | None = None, **options: Unpack[Options]
) -> Verdict:
    """Raise unless a rule's output law is the target's on every example; exact for exact rules.

    Examples are adversarial pairs of target and draft (zeros, ties, p equal or nearly equal to q, disjoint
    supports, permutations, small and large denominators); trees are drafted from models whose
    distributions depend on the context, and the joint law of ``depth + 1`` tokens is compared.

    Parameters
    ----------
    rule
        A coupling or a walk, something that makes one, or a function; see ``docs/auditing.md``.
    kind, name
        See :func:`as_rule`.
    vocabulary : int, default 3
        Number of tokens, at least 2. With 2 whole classes of mistakes are invisible; use 3 or more.
    drafts : int or sequence of int, optional
        Numbers of drafts at a node; by default 1 and 2, or what the rule's form takes.
    laws : str, Family or sequence of them, optional
        How drafts are drawn: names of :data:`FAMILIES`, or families of your own. By default every family for
        couplings (those that a rule refuses with ``UnsupportedLaw`` are left out, and the verdict says so),
        i.i.d. for plain functions.
    depth : int, default 2
        Depth of drafted trees.
    examples : int, optional
        Cases for each law of drafts or shape of trees; by default 200 at one node and 60 over trees
        (40 and 12 for functions that own their randomness).
    rounds : int, default 1
        Rounds of drafting and verification for trees; 2 for rules that keep something between rounds.
    seed : int, default 0
        Seed of the examples; the same seed gives the same examples.
    strict : bool, default False
        Whether warnings count as failures: writing to its inputs, and what it does where a uniform number is
        exactly zero.
    prove : bool, default False
        Whether a rule that passed exactly is also proved for all p and q of that size (needs z3); the
        status then is 'proved (universal)'. Takes a fraction of a second at 3 tokens and 2 drafts, and soon
        much longer.
    shrink : bool, default True
        Whether time is spent on making a counterexample small; without, it is the first that was found.
    method : {"auto", "sample"}
        ``"sample"`` tests a function that owns its randomness by sampling only.
    budget : Budget, optional
        Of the sampling: false-alarm rate, power, samples.

    Returns
    -------
    Verdict
        What was examined, and its scope. Passing is no proof for all p and q.

    Raises
    ------
    NotLossless
        With the smallest counterexample found, the two laws, and the paths that carry too much or too little.
    RuleFailed
        If the rule raises on a valid case, asks for randomness without end, or has another source of it.
    UnknownForm
        If the rule has none of the known forms.

    Notes
    -----
    At three tokens a case of a node takes some milliseconds, one of a chain of two drafts ten times as long.

    Examples
    --------
    >>> from theory.couplings import Maximal
    >>> assert_lossless(Maximal(), examples=20).status
    'lossless on all examples (exact)'
    >>> def greedy(p, drafts, law, chance):
    ...     return drafts[0]
    >>> assert_lossless(greedy, drafts=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    specsim.testing.audit.NotLossless: greedy: refuted: not lossless: ...
    """
    verdict = audit(rule, kind=kind, name=name, **options)
    if verdict.lossless is None:
        raise RuleFailed(verdict)
    if not verdict.lossless:
        raise NotLossless(verdict)
    return verdict


def counterexample(
    rule: Any, *, kind: str = "auto", name: str | None = None, **options: Unpack[Options]
) -> Counterexample | None:
    """The smallest case found on which a rule is wrong, or None if there was none among the examples.

    Parameters are those of :func:`assert_lossless`.

    Raises
    ------
    RuleFailed
        If the rule can't be examined.

    Examples
    --------
    >>> def always(p, drafts, law, chance):
    ...     return drafts[0]
    >>> found = counterexample(always, drafts=1)
    >>> print(found.explain().splitlines()[0])  # doctest: +ELLIPSIS
    always: not lossless: token ...
    """
    verdict = audit(rule, kind=kind, name=name, **options)
    if verdict.lossless is None:
        raise RuleFailed(verdict)
    return verdict.counterexample
