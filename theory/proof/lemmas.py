r"""Step lemmas for every vocabulary: what one step of each rule does to one token, with sums abstracted.

A universal proof (:mod:`theory.proof.universal`) is for one vocabulary and one number of drafts. The lemmas
here hold for all. Each looks at *one* token x: its probabilities are real numbers, and so are the sums over
the vocabulary that the step needs, of which only what follows from summing a pointwise identity is assumed.
For instance :math:`(p_y - q_y)_+ = p_y - \min(p_y, q_y)` at every y gives
:math:`\sum_y (p_y - q_y)_+ = 1 - \sum_y \min(p_y, q_y)`; the pointwise identity is an obligation of its own.

z3 decides each :class:`Obligation`: its premises with the conclusion denied must have no solution. It also
has to find a solution of the premises alone, so that no lemma is true for lack of cases. z3 gives no proof
that is checked here; the universal and the exhaustive proofs are independent of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

try:
    import z3
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError("lemmas need z3-solver; install it with: pip install 'specsim[proofs]'") from error

#: Milliseconds for one obligation; all take a few.
_LIMIT = 10_000


@dataclass(frozen=True)
class Obligation:
    """One thing to prove about real numbers.

    Attributes
    ----------
    says
        The conclusion in a formula.
    premises, conclusion
        z3 formulas.
    """

    says: str
    premises: tuple[Any, ...]
    conclusion: Any

    def verdict(self) -> str:
        """'proved', 'refuted', 'vacuous' (the premises contradict each other) or 'unknown'."""
        if _check(*self.premises) == z3.unsat:
            return "vacuous"
        answer = _check(*self.premises, z3.Not(self.conclusion))
        if answer == z3.unsat:
            return "proved"
        return "refuted" if answer == z3.sat else "unknown"


@dataclass(frozen=True)
class Lemma:
    """A step lemma and what became of it.

    Attributes
    ----------
    name
        The step.
    statement
        What it says, in plain language.
    formal
        What was proved, as formulas.
    composition
        How rules are made of such steps, and so why they are lossless.
    result
        'proved' if all obligations were; otherwise the first other verdict.
    seconds
        Wall-clock time.
    """

    name: str
    statement: str
    formal: tuple[str, ...]
    composition: str
    result: str
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether every obligation was proved."""
        return self.result == "proved"


def lemma(name: str, *, statement: str, composition: str, obligations: Sequence[Obligation]) -> Lemma:
    """Put a lemma's obligations to z3.

    Examples
    --------
    >>> x = z3.Real("x")
    >>> square = Obligation("x^2 >= 0", (), x * x >= 0)
    >>> lemma("square", statement="Squares are not negative.", composition="", obligations=[square]).result
    'proved'
    """
    started = time.perf_counter()
    verdicts = [obligation.verdict() for obligation in obligations]
    return Lemma(
        name=name,
        statement=statement,
        formal=tuple(obligation.says for obligation in obligations),
        composition=composition,
        result=next((verdict for verdict in verdicts if verdict != "proved"), "proved"),
        seconds=time.perf_counter() - started,
    )


def maximal_coupling() -> Lemma:
    """Single-draft rejection emits the target's law, for every vocabulary.

    Examples
    --------
    >>> maximal_coupling().result
    'proved'
    """
    return lemma(
        "maximal coupling",
        statement=(
            "Draw x from q, accept it with probability min(1, p/q), otherwise draw from the residual (p - "
            "q)+. The token that is emitted has law p."
        ),
        composition=(
            "This is the whole of single-draft speculative sampling at one position. Positions compose by "
            "the chain rule: each emitted token has the target's law given the tokens before it."
        ),
        obligations=_rejection_step(budget=None),
    )


def recursive_step() -> Lemma:
    """One rejection step keeps the law, whatever the proposals are and may depend on.

    Examples
    --------
    >>> recursive_step().result
    'proved'
    """
    return lemma(
        "recursive rejection, any proposal",
        statement=(
            "Let r be what is left of the target and s the law of the next draft given all earlier ones. "
            "Accept the draft with probability min(1, r/s); after a rejection go on in any way whose "
            "output has the law r' = (r - s)+ / sum (r - s)+, whichever draft was rejected. Then the "
            "output has law r."
        ),
        composition=(
            "Backwards over the drafts: after the last one a draw from r' itself has law r'; each earlier "
            "step then has law r, and the first has r = p. Nothing is assumed of s, so the drafts may be "
            "i.i.d., without replacement, point masses or anything else drawn one after the other, and the "
            "target's token may be selected from several drafts by a rule whose law s is known (canonical "
            "decomposition)."
        ),
        obligations=_rejection_step(budget=None, names=("r", "s")),
    )


def block_step() -> Lemma:
    """One node of block verification keeps its promise, for every budget.

    Examples
    --------
    >>> block_step().result
    'proved'
    """
    return lemma(
        "block step with budget",
        statement=(
            "A node of budget b hands child x the budget min(1, b p/q); if control returns from below, it "
            "ends the round with probability h = S / (S + 1 - b), S = sum (b p - q)+, and emits a token of "
            "(b p - q)+ / S. If every child keeps its promise (it ends the round with probability its "
            "budget, in the target's law), then so does the node: token x comes next with probability b "
            "p(x), and control returns with probability 1 - b."
        ),
        composition=(
            "From the leaves to the root: a leaf of budget b ends the round with probability b and a "
            "sample of p. The root has budget 1, so the round always ends and what it emits has the "
            "target's law, for every length and every vocabulary. With q replaced by the law y of a "
            "selected draft it is the step of multi-path block verification."
        ),
        obligations=_rejection_step(budget="b"),
    )


def traversal_step() -> Lemma:
    """One refused child of traversal verification keeps the node's promise.

    Examples
    --------
    >>> traversal_step().result
    'proved'
    """
    b, p, q, total, back, new_b, new_p = z3.Reals("b p q S back new_b new_p")
    owed, below = _positive(b * p - q), _least(b * p, q)
    # new_b and new_p are the quotients S / (S + 1 - b) and (b p - q)+ / S
    step = (new_b * (total + 1 - b) == total, new_p * total == owed, back == total + 1 - b)
    base = (*_budget_premises(b, p, q, total), *step, total > 0)
    return lemma(
        "traversal step",
        statement=(
            "When a child drawn from q has returned control, the node goes on with budget b' = S / (S + 1 "
            "- b) and law p' = (b p - q)+ / S. If from then on it ends the round with probability b' in "
            "the law p', then in all it ends it with probability b in the law p."
        ),
        composition=(
            "Over the siblings, last to first, and over the tree from the leaves: with the block step for "
            "what is below a child this is traversal verification, for siblings of any law drawn one after "
            "the other."
        ),
        obligations=[
            Obligation("min(b p, q) + (S + 1 - b) b' p' = b p", base, below + back * new_b * new_p == b * p),
            Obligation("(S + 1 - b) (1 - b') = 1 - b", base, back * (1 - new_b) == 1 - b),
            Obligation("0 <= b' <= 1", base, z3.And(new_b >= 0, new_b <= 1)),
        ],
    )


def k_seq_step() -> Lemma:
    """K-SEQ: the residual is not negative and the output has law p, for every vocabulary and k.

    Examples
    --------
    >>> k_seq_step().result
    'proved'
    """
    p, q, rho, beta, series, missed = z3.Reals("p q rho beta G w")
    mass = _least(p / rho, q)
    rest = p - mass * series
    base = (p >= 0, q >= 0, rho >= 1, beta >= 0, beta <= 1, mass <= beta, series >= 1)
    geometric = (*base, beta * series == 1 - missed, missed >= 0)
    allowed = (*geometric, beta * series <= rho * beta)
    # the residual's sum is 1 - beta G = w, and none of its entries is more than that
    summed = (*allowed, rest <= missed)
    return lemma(
        "K-SEQ",
        statement=(
            "k drafts of q are each accepted with probability min(1, p / (rho q)), until one is. Let beta "
            "be the probability that one draft is accepted. If 1 - (1 - beta)^k <= rho beta, then the "
            "residual p - min(p/rho, q) [1 - (1 - beta)^k] / beta is not negative, and the output has law "
            "p. The condition holds for rho = k."
        ),
        composition=(
            "G = [1 - (1 - beta)^k] / beta is the expected number of tests, by induction on k; with it the "
            "whole rule is one identity. At sequence level the tests are repeated on the paths that "
            "survive."
        ),
        obligations=[
            Obligation(
                "q min(1, p/(rho q)) = min(p/rho, q)",
                (*base, q > 0),
                q * _least(z3.RealVal(1), p / (rho * q)) == mass,
            ),
            Obligation(
                "beta G = 1 - w  =>  beta (1 + (1 - beta) G) = 1 - (1 - beta) w",
                geometric,
                beta * (1 + (1 - beta) * series) == 1 - (1 - beta) * missed,
            ),
            Obligation("1 - w <= rho beta  =>  p - min(p/rho, q) G >= 0", allowed, rest >= 0),
            Obligation(
                "min(p/rho, q) G + w (p - min(p/rho, q) G) / w = p, if w > 0",
                (*summed, missed > 0),
                mass * series + missed * (rest / missed) == p,
            ),
            Obligation("min(p/rho, q) G = p, if w = 0", (*summed, missed == 0), mass * series == p),
            *_bernoulli(),
        ],
    )


def lemmas() -> tuple[Lemma, ...]:
    """All of them, proved anew."""
    makers: tuple[Callable[[], Lemma], ...] = (
        maximal_coupling,
        recursive_step,
        block_step,
        traversal_step,
        k_seq_step,
    )
    return tuple(make() for make in makers)


def _rejection_step(*, budget: str | None, names: tuple[str, str] = ("p", "q")) -> list[Obligation]:
    """Obligations of one rejection of a target of mass b (or one) by a proposal."""
    p, q, total = z3.Reals(f"{names[0]} {names[1]} S")
    b = z3.RealVal(1) if budget is None else z3.Real(budget)
    target = names[0] if budget is None else f"{budget} {names[0]}"
    base = _budget_premises(b, p, q, total)
    below, owed = _least(b * p, q), _positive(b * p - q)
    # control comes back with probability 1 - sum min(b p, q); of it, h ends the round here
    back = total + 1 - b
    keep = z3.Real("h")
    ending = (*base, total > 0, keep * back == total)
    least, drawn = f"min({target}, {names[1]})", f"({target} - {names[1]})+"
    shared = z3.Real("M")
    share = _least(z3.RealVal(1), b * p / q)
    obligations = [
        Obligation(f"{drawn} = {target} - {least}", (p >= 0, q >= 0, b >= 0), owed == b * p - below),
        Obligation(
            f"S = sum {target} - sum {least}  =>  back = 1 - sum {least} = S + 1 - sum {target}",
            (*base, total == b - shared),
            1 - shared == back,
        ),
        Obligation(
            f"{names[1]} min(1, {target}/{names[1]}) = {least}", (p >= 0, q > 0, b >= 0), q * share == below
        ),
        Obligation(
            f"{least} + back h {drawn}/S = {target}, if S > 0",
            ending,
            below + back * keep * (owed / total) == b * p,
        ),
        Obligation(f"{least} = {target}, if S = 0", (*base, total == 0), below == b * p),
    ]
    if budget is None:
        return [*obligations, Obligation("h = 1, if S > 0", ending, keep == 1)]
    return [
        *obligations,
        Obligation("back (1 - h) = 1 - b, if S > 0", ending, back * (1 - keep) == 1 - b),
        Obligation("back = 1 - b, if S = 0", (*base, total == 0), back == 1 - b),
        Obligation("0 <= h <= 1", ending, z3.And(keep >= 0, keep <= 1)),
        Obligation("0 <= min(1, b p/q) <= 1", (*base, q > 0), z3.And(share >= 0, share <= 1)),
    ]


def _budget_premises(b: Any, p: Any, q: Any, total: Any) -> tuple[Any, ...]:
    """One token of a target of mass b and of a proposal, and S, the sum of (b p - q)+ over all tokens."""
    owed = _positive(b * p - q)
    return (p >= 0, p <= 1, q >= 0, q <= 1, b >= 0, b <= 1, total >= owed, total <= b)


def _bernoulli() -> list[Obligation]:
    """1 - (1 - beta)^k <= k beta by induction on k, with w for (1 - beta)^k."""
    beta, missed, count = z3.Reals("beta w k")
    base = (beta >= 0, beta <= 1)
    held = (missed >= 0, missed <= 1, count >= 1, 1 - missed <= count * beta)
    return [
        Obligation("1 - (1 - beta) <= beta", base, 1 - (1 - beta) <= beta),
        Obligation(
            "1 - w <= k beta  =>  1 - (1 - beta) w <= (k + 1) beta",
            (*base, *held),
            1 - (1 - beta) * missed <= (count + 1) * beta,
        ),
    ]


def _positive(value: Any) -> Any:
    return z3.If(value > 0, value, z3.RealVal(0))


def _least(first: Any, second: Any) -> Any:
    return z3.If(first <= second, first, second)


def _check(*formulas: Any) -> Any:
    solver = z3.Solver()
    solver.set("timeout", _LIMIT)
    solver.add(*formulas)
    return solver.check()
