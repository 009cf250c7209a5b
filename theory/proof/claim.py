r"""Claims: a program and the law that it is said to have, made from whatever numbers it is given.

A :class:`Claim` names unknown distributions, builds a program from their values and says what the law of its
outcome should be. Given symbols it is proved for all values at once (:mod:`theory.proof.universal`); given
fractions it is checked at one point by plain enumeration. It is one program both times, so the two can't
drift apart.

Contexts are named behind a bar: ``"p"`` is the target's first distribution, ``"p|2"`` the one after the
token shown as 2 (tokens are numbered from 0 in code and shown from 1: p1, p2, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from theory.chance import Chance, Enumerated
from theory.couplings import KSeq
from theory.couplings.base import Coupling
from theory.laws import Iid, Law, Tokens
from theory.proof.symbolic.ring import Simplex
from theory.simplex import Array
from theory.walks.rounds import Levels, Scheme, emitted

#: Distributions and numbers by name: of symbols, or of fractions.
Values = Mapping[str, Any]
#: The law of an outcome.
OutcomeLaw = dict[Hashable, Any]
#: Makes the law of the drafts from one distribution a drafter.
LawMaker = Callable[..., Law]


class UnknownContext(RuntimeError):
    """A scheme looked at a context for which a claim has no distribution."""


@dataclass(frozen=True)
class Claim:
    """That a program has a law, whatever its distributions are.

    Parameters
    ----------
    rule, law
        What is under proof, for people.
    vocabulary
        Number of tokens.
    k
        Drafts at a node (of a tree: its number of levels).
    simplices
        The unknown distributions.
    program
        The outcome of a run, from the values and a chance. It makes its laws and arrays anew in every run.
    expected
        The law that the outcome should have, from the values.
    positives
        Names of further unknowns: positive numbers.
    domain
        For which values the claim is made; for all if left out.
    make_laws
        Makes the laws of the drafts and raises ValueError where there is none (more drafts without
        replacement than tokens of positive probability).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> coin = Claim(
    ...     rule="a token of p", law="none", vocabulary=2, k=0, simplices=(Simplex("p", 2),),
    ...     program=lambda values, chance: chance.draw(values["p"], stream="x"),
    ...     expected=lambda values: dict(enumerate(values["p"])))
    >>> coin.holds_at({"p": np.array([F(1, 3), F(2, 3)])})
    True
    """

    rule: str
    law: str
    vocabulary: int
    k: int
    simplices: tuple[Simplex, ...]
    program: Callable[[Values, Chance], Hashable]
    expected: Callable[[Values], OutcomeLaw]
    positives: tuple[str, ...] = ()
    domain: Callable[[Values], bool] = lambda values: True
    make_laws: Callable[[Values], object] = lambda values: None

    def law_at(self, values: Values) -> OutcomeLaw:
        """The exact law at one point, by enumeration; zero probabilities are left out.

        Raises
        ------
        ValueError
            As the program does.
        """
        law = Enumerated().law(lambda chance: self.program(values, chance))
        return {outcome: weight for outcome, weight in law.items() if weight != 0}

    def holds_at(self, values: Values) -> bool:
        """Whether the claim is true at one point: an equality of fractions."""
        expected = {outcome: weight for outcome, weight in self.expected(values).items() if weight != 0}
        return self.law_at(values) == expected


def rule_claim(
    *,
    coupling: Coupling,
    law: LawMaker,
    vocabulary: int,
    drafters: int = 1,
    unknowns: Sequence[Simplex] | None = None,
) -> Claim:
    """The claim that a coupling is lossless: the emitted token has law p.

    Parameters
    ----------
    coupling
        The rule.
    law
        The law of the drafts, from as many distributions as there are drafters.
    vocabulary
        Number of tokens.
    drafters
        Number of unknown draft distributions: q, then q', q'', ...
    unknowns
        The distributions, where they are to have zeros or ties.

    Examples
    --------
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> [unknown.name for unknown in rule_claim(
    ...     coupling=Maximal(), law=lambda q: Iid(q, 1), vocabulary=3).simplices]
    ['p', 'q']
    """
    names = draft_names(drafters)
    program = _rule_program(coupling, law, names)
    shown = law(*(np.full(vocabulary, 1 / vocabulary) for _ in names))
    return Claim(
        rule=repr(coupling),
        law=f"{type(shown).__name__}({', '.join(names)})",
        vocabulary=vocabulary,
        k=shown.k,
        simplices=_simplices(("p", *names), vocabulary) if unknowns is None else tuple(unknowns),
        program=lambda values, chance: program(values, chance)[0],
        expected=lambda values: dict(enumerate(values["p"])),
        make_laws=lambda values: law(*(values[name] for name in names)),
    )


def acceptance_claim(*, coupling: Coupling, law: LawMaker, vocabulary: int, drafters: int = 1) -> Claim:
    """The claim that a coupling accepts with the probability that its closed form says.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.couplings import Maximal
    >>> claim = acceptance_claim(coupling=Maximal(), law=lambda q: Iid(q, 1), vocabulary=2)
    >>> claim.law_at({"p": np.array([F(1, 3), F(2, 3)]), "q": np.array([F(1, 2), F(1, 2)])})
    {True: Fraction(5, 6), False: Fraction(1, 6)}
    """
    names = draft_names(drafters)
    program = _rule_program(coupling, law, names)
    base = rule_claim(coupling=coupling, law=law, vocabulary=vocabulary, drafters=drafters)

    def expected(values: Values) -> OutcomeLaw:
        accepted = coupling.acceptance(p=values["p"], law=law(*(values[name] for name in names)))
        return {True: accepted, False: 1 - accepted}

    return Claim(
        rule=f"acceptance of {base.rule}",
        law=base.law,
        vocabulary=vocabulary,
        k=base.k,
        simplices=base.simplices,
        program=lambda values, chance: program(values, chance)[1],
        expected=expected,
        make_laws=base.make_laws,
    )


def k_seq_claim(*, vocabulary: int, k: int) -> Claim:
    """The claim that K-SEQ is lossless for every factor that its condition allows.

    The factor is an unknown too, written 1 + s with s > 0, under the rule's own condition
    ``1 - (1 - beta)^k <= rho beta``.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1), F(0)]), np.array([F(1, 2), F(1, 2)])
    >>> [k_seq_claim(vocabulary=2, k=2).domain({"p": p, "q": q, "s": s}) for s in (F(1, 4), F(1, 2))]
    [False, True]
    """

    def program(values: Values, chance: Chance) -> Hashable:
        law = Iid(values["q"], k)
        rule = KSeq(rho=1 + values["s"])
        return rule.resolve(p=values["p"], drafts=law.sample(chance), law=law, chance=chance).token

    def domain(values: Values) -> bool:
        rho = 1 + values["s"]
        beta = np.minimum(values["p"] / rho, values["q"]).sum()
        return bool(1 - (1 - beta) ** k <= rho * beta)

    return Claim(
        rule="KSeq(rho=1 + s)",
        law="Iid(q)",
        vocabulary=vocabulary,
        k=k,
        simplices=_simplices(("p", "q"), vocabulary),
        program=program,
        expected=lambda values: dict(enumerate(values["p"])),
        positives=("s",),
        domain=domain,
    )


def joint_claim(
    *,
    scheme: Scheme,
    depth: int,
    vocabulary: int,
    rounds: int = 1,
    length: int | None = None,
    memory: int | None = None,
    name: str = "",
) -> Claim:
    """The claim that a scheme is lossless: the joint law of its first tokens is the target's.

    Every context has unknown distributions of its own, for the target and for the draft. Text that the
    rounds leave short is completed with samples of the target.

    Parameters
    ----------
    scheme
        How drafts are drawn and verified.
    depth
        Most drafts on a path of its tree.
    vocabulary
        Number of tokens.
    rounds
        Number of rounds.
    length
        Number of tokens whose joint law is claimed; ``depth + 1`` if left out.
    memory
        How many last tokens the distributions depend on; on all if left out.
    name
        What to call the scheme; the walk's repr if left out.

    Examples
    --------
    >>> from theory.rules import rule
    >>> claim = joint_claim(scheme=rule("block verification").build(length=1), depth=1, vocabulary=2)
    >>> [simplex.name for simplex in claim.simplices]
    ['p', 'p|1', 'p|2', 'q']
    """
    size = depth + 1 if length is None else length
    models = _Contexts(memory)
    # the last round starts before token number ``size`` and looks ``depth`` tokens ahead
    reach = depth if rounds == 1 else size - 1 + depth
    names = [*models.names("p", vocabulary, max(reach, size - 1)), *models.names("q", vocabulary, reach - 1)]

    def program(values: Values, chance: Chance) -> Hashable:
        return emitted(
            scheme=scheme,
            target=models.model("p", values),
            draft=models.model("q", values),
            rounds=rounds,
            length=size,
            chance=chance,
        )

    def draw(values: Values) -> object:
        draft = models.model("q", values)
        return Enumerated().law(lambda chance: scheme.grow(draft=draft, chance=chance).tokens)

    return Claim(
        rule=name or repr(scheme.walk),
        law=_drafting(scheme, vocabulary),
        vocabulary=vocabulary,
        k=depth,
        simplices=_simplices(names, vocabulary),
        program=program,
        expected=lambda values: _joint(models.model("p", values), vocabulary, size),
        make_laws=draw,
    )


def _drafting(scheme: Scheme, vocabulary: int) -> str:
    """How a scheme draws its tree, in short."""
    if not isinstance(scheme.grow, Levels):
        return type(scheme.grow).__name__
    uniform = np.full(vocabulary, 1 / vocabulary)
    laws = [law_of(uniform) for law_of in scheme.grow.branching]
    return " then ".join(f"{type(law).__name__} k={law.k}" for law in laws)


@dataclass(frozen=True)
class _Contexts:
    """Which unknown distribution stands for a context."""

    memory: int | None

    def name(self, letter: str, prefix: Tokens) -> str:
        kept = prefix if self.memory is None else prefix[max(0, len(prefix) - self.memory) :]
        return letter + ("|" if kept else "") + "".join(str(token + 1) for token in kept)

    def names(self, letter: str, vocabulary: int, longest: int) -> list[str]:
        prefixes = (p for size in range(longest + 1) for p in product(range(vocabulary), repeat=size))
        return list(dict.fromkeys(self.name(letter, prefix) for prefix in prefixes))

    def model(self, letter: str, values: Values) -> Callable[[Tokens], Array]:
        return lambda prefix: self._look_up(letter, prefix, values)

    def _look_up(self, letter: str, prefix: Tokens, values: Values) -> Array:
        name = self.name(letter, prefix)
        if name not in values:
            raise UnknownContext(
                f"the scheme asked for {name}, a context that the claim does not reach; claim it with a "
                "larger depth, or with a memory"
            )
        distribution: Array = values[name]
        return distribution


def draft_names(drafters: int) -> tuple[str, ...]:
    """Names of the drafters' distributions: q, q', q'', ...

    Examples
    --------
    >>> draft_names(2)
    ('q', "q'")
    """
    return tuple("q" + "'" * index for index in range(drafters))


def _simplices(names: Sequence[str], vocabulary: int) -> tuple[Simplex, ...]:
    return tuple(Simplex(name, vocabulary) for name in names)


def _rule_program(
    coupling: Coupling, law: LawMaker, names: Sequence[str]
) -> Callable[[Values, Chance], tuple[int, bool]]:
    """Draw drafts, resolve them: the emitted token and whether it was drafted."""

    def program(values: Values, chance: Chance) -> tuple[int, bool]:
        drawn = law(*(values[name] for name in names))
        found = coupling.resolve(p=values["p"], drafts=drawn.sample(chance), law=drawn, chance=chance)
        return found.token, found.accepted

    return program


def _joint(target: Callable[[Tokens], Array], vocabulary: int, length: int) -> OutcomeLaw:
    law: dict[Any, Any] = {(): 1}
    for _ in range(length):
        law = {
            (*prefix, token): weight * probability
            for prefix, weight in law.items()
            for token, probability in enumerate(target(prefix))
        }
    return law
