r"""Policies at work on models: the chain of one round, and the exact law of what several rounds emit.

:func:`law_of_policy` enumerates rounds of chain drafting under a policy (with its memory) and token-level
verification: the emitted law must be the target's. A rule that decides by the drawn token fails
(:class:`Peeking` is such a rule, for tests and teaching): its submitted tokens do not have the law q that
verification takes them to have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from specsim.policies.base import Done, Features, Memory, Policy, Seen
from theory.chance import Chance, Enumerated
from theory.couplings import Maximal
from theory.laws import Iid, Law, Tokens
from theory.proof import target_law
from theory.tree import DraftTree
from theory.walks import Model, TopDown
from theory.walks.base import shifted

#: Features of a position, from the draft's distribution there.
Reader = Callable[[Any], Features]


class Chain(Protocol):
    """Drafts one round's chain: the tree, and features of its positions."""

    def begin(self) -> Memory:
        """Memory before the first round."""
        ...

    def learn(self, memory: Any, done: Done) -> Memory:
        """Memory after a round."""
        ...

    def draft(
        self, *, draft: Model, memory: Any, limit: int, chance: Chance
    ) -> tuple[DraftTree, tuple[Features, ...]]:
        """Draw a chain of at most ``limit`` tokens."""
        ...


def read(q: Any) -> Features:
    """Top probability and entropy; the top probability stands for a head's confidence, too."""
    features = Features.of(q)
    return Features(features.top, features.top, features.entropy)


@dataclass(frozen=True)
class Submitted:
    """A chain whose length a policy decides, before each token is drawn.

    Parameters
    ----------
    policy
        The policy.
    reader
        Features from q.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.policies import Fixed
    >>> from theory.chance import Sampled
    >>> chain = Submitted(Fixed(2))
    >>> q = np.array([0.0, 1.0, 0.0])
    >>> tree, _ = chain.draft(draft=lambda prefix: q, memory=chain.begin(), limit=4,
    ...                       chance=Sampled(np.random.default_rng(0)))
    >>> tree.tokens[1:]
    (1, 1)
    """

    policy: Policy
    reader: Reader = read

    def begin(self) -> Memory:
        """The policy's."""
        return self.policy.begin()

    def learn(self, memory: Any, done: Done) -> Memory:
        """The policy's."""
        return self.policy.learn(memory, done)

    def draft(
        self, *, draft: Model, memory: Any, limit: int, chance: Chance
    ) -> tuple[DraftTree, tuple[Features, ...]]:
        """Ask, then draw; a token of depth d comes from the stream ``draft/d``."""
        tokens, laws, features = list[int](), list[Law](), list[Features]()
        while len(tokens) < limit:
            law = Iid(draft(tuple(tokens)), 1)
            here = self.reader(law.q)
            shown = here if self.policy.looks == "here" else None
            if not self.policy.more(Seen(tuple(features), here=shown), memory):
                break
            (token,) = law.sample(chance, stream=f"draft/{len(tokens)}")
            tokens.append(token)
            laws.append(law)
            features.append(here)
        return DraftTree.chain(tokens, laws=laws), tuple(features)


@dataclass(frozen=True)
class Peeking:
    """**Not lossless**: draws a token first and drops it, and stops, where q is below a threshold there.

    This is what 'stop at the first unsure token, before it is submitted' comes to if the token's own
    probability is the measure.

    Parameters
    ----------
    threshold
        Least probability of a submitted token.
    """

    threshold: Any

    def begin(self) -> Memory:
        """Nothing."""
        return None

    def learn(self, memory: Any, done: Done) -> Memory:
        """Nothing."""
        return None

    def draft(
        self, *, draft: Model, memory: Any, limit: int, chance: Chance
    ) -> tuple[DraftTree, tuple[Features, ...]]:
        """Draw, then ask."""
        tokens, laws = list[int](), list[Law]()
        while len(tokens) < limit:
            law = Iid(draft(tuple(tokens)), 1)
            (token,) = law.sample(chance, stream=f"draft/{len(tokens)}")
            if law.q[token] < self.threshold:
                break
            tokens.append(token)
            laws.append(law)
        return DraftTree.chain(tokens, laws=laws), tuple(Features() for _ in tokens)


def law_of_policy(
    chain: Chain, *, target: Model, draft: Model, rounds: int, length: int, limit: int
) -> dict[Tokens, Any]:
    """The joint law of the first tokens of some rounds, completed with samples of the target.

    Exact for fractions.

    Parameters
    ----------
    chain
        How rounds are drafted; its memory goes from round to round.
    target, draft
        Models over prefixes.
    rounds
        Most rounds; none starts once ``length`` tokens are there.
    length
        Tokens of the law.
    limit
        Most drafts a round.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from specsim.policies import Fixed
    >>> p, q = np.array([F(1, 2), F(1, 2)]), np.array([F(1, 4), F(3, 4)])
    >>> law = law_of_policy(Submitted(Fixed(1)), target=lambda prefix: p, draft=lambda prefix: q,
    ...                     rounds=2, length=2, limit=1)
    >>> set(law.values())
    {Fraction(1, 4)}
    """
    states: dict[tuple[Tokens, Memory], Any] = {((), chain.begin()): 1}
    for _ in range(rounds):
        states = _after(states, chain, target, draft, length, limit)
    law: dict[Tokens, Any] = {}
    for (text, _), mass in states.items():
        rest = target_law(target=shifted(target, text), length=max(0, length - len(text)))
        for tokens, weight in rest.items():
            key = (*text, *tokens)[:length]
            law[key] = law.get(key, 0) + mass * weight
    return law


def _after(
    states: dict[tuple[Tokens, Memory], Any],
    chain: Chain,
    target: Model,
    draft: Model,
    length: int,
    limit: int,
) -> dict[tuple[Tokens, Memory], Any]:
    out: dict[tuple[Tokens, Memory], Any] = {}
    for (text, memory), mass in states.items():
        if len(text) >= length:
            out[text, memory] = out.get((text, memory), 0) + mass
            continue
        outcomes = _round_law(chain, shifted(target, text), shifted(draft, text), memory, limit)
        for (new, later), weight in outcomes.items():
            key = ((*text, *new), later)
            out[key] = out.get(key, 0) + mass * weight
    return out


def _round_law(
    chain: Chain, target: Model, draft: Model, memory: Memory, limit: int
) -> dict[tuple[Tokens, Memory], Any]:
    def program(chance: Chance) -> tuple[Tokens, Memory]:
        tree, features = chain.draft(draft=draft, memory=memory, limit=limit, chance=chance)
        verified = TopDown(Maximal()).verify(tree=tree, target=target, chance=chance)
        drafted = len(features)
        done = Done(drafted, verified.accepted_length, cut=drafted == limit, features=features)
        return verified.tokens, chain.learn(memory, done)

    return Enumerated().law(program)


def is_lossless(
    chain: Chain, *, target: Model, draft: Model, rounds: int = 2, length: int = 3, limit: int = 2
) -> bool:
    """Whether the emitted law is the target's, on one pair of models in fractions: an equality.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from specsim.policies import Fixed
    >>> p, q = np.array([F(1, 2), F(1, 2)]), np.array([F(1, 4), F(3, 4)])
    >>> models = {"target": lambda prefix: p, "draft": lambda prefix: q}
    >>> is_lossless(Submitted(Fixed(2)), **models), is_lossless(Peeking(F(1, 2)), **models)
    (True, False)
    """
    law = law_of_policy(chain, target=target, draft=draft, rounds=rounds, length=length, limit=limit)
    return law == target_law(target=target, length=length)
