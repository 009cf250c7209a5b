"""Drafts drawn from a draft model: by a grower of trees, or as a chain whose length a policy decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specsim.decoding.drafting import Outcome, Proposal, Sharing, beside
from specsim.decoding.reading import LanguageModel, Memory, Reading, Rows
from specsim.policies.base import Done, Features, Policy, Seen
from specsim.policies.drafting import read
from theory.chance import Chance
from theory.laws import Iid, Law, Tokens
from theory.tree import DraftTree
from theory.walks.rounds import Grower


@dataclass(frozen=True)
class Drawn:
    """A draft model and a grower: chains, static and dynamic trees of :mod:`theory`.

    Parameters
    ----------
    model
        The draft model.
    grow
        Draws the tree: a :class:`~theory.walks.rounds.Grower`, such as
        :class:`~theory.walks.rounds.Levels`, or
        :class:`~theory.shapes.dynamic.WithBudget` with any dynamic tree.

    Notes
    -----
    Lossless with every walk that is lossless for the laws which the grower records.
    """

    model: LanguageModel
    grow: Grower

    def open(self, target: Reading) -> Memory:
        """The draft's own reading of the prompt."""
        return beside(self.model, target)

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Grow a tree on the draft's rows."""
        rows = Rows(memory)
        tree = self.grow(draft=rows, chance=chance)
        return Proposal(tree, rows.reading, rows.reading.work)

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """Commit what was emitted."""
        return _after(self.model, memory, outcome)


@dataclass(frozen=True)
class Reader:
    """Features of a drafted position from its row: top probability, entropy, and the top for confidence.

    Another reader may look at ``rows.reading.hidden(prefix)``, the draft's own features there, as
    SpecDec++ does.
    """

    def __call__(self, rows: Rows, prefix: Tokens) -> Features:
        """Features at the position after a prefix."""
        return read(rows(prefix))


@dataclass(frozen=True)
class PolicyChain:
    """A chain drawn from a draft model; a policy decides, before each token is drawn, whether it is.

    Parameters
    ----------
    model
        The draft model.
    policy
        See :mod:`specsim.policies.base`.
    limit
        Most tokens of a chain.
    reader
        What the policy sees of a position; top probability and entropy of its row unless given.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding.world import World
    >>> from specsim.policies import Fixed
    >>> from theory.chance import Sampled
    >>> world = World(lambda context: np.array([0.0, 1.0, 0.0]))
    >>> drafter = PolicyChain(world, Fixed(2), limit=5)
    >>> memory = drafter.open(world.open((0,)))
    >>> drafter.propose(memory, chance=Sampled(np.random.default_rng(0))).tree.tokens[1:]
    (1, 1)
    """

    model: LanguageModel
    policy: Policy
    limit: int
    reader: Any = Reader()

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"limit must be at least 0 tokens, got {self.limit}")

    def open(self, target: Reading) -> Memory:
        """The draft's reading of the prompt, and the policy's memory."""
        return beside(self.model, target), self.policy.begin(), ()

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Ask, then draw; a token of depth d comes from the stream ``draft/d``."""
        reading, learnt, _ = memory
        rows, laws, features = Rows(reading), list[Law](), list[Features]()
        tokens: Tokens = ()
        while len(tokens) < self.limit:
            here = self.reader(rows, tokens) if self.policy.looks == "here" else None
            if not self.policy.more(Seen(tuple(features), here=here), learnt):
                break
            law = Iid(rows(tokens), 1)
            features.append(here or self.reader(rows, tokens))
            tokens = (*tokens, *law.sample(chance, stream=f"draft/{len(tokens)}"))
            laws.append(law)
        after = (rows.reading, learnt, tuple(features))
        return Proposal(DraftTree.chain(tokens, laws=laws), after, rows.reading.work)

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """Commit what was emitted; the policy learns how the round ended."""
        reading, learnt, features = memory
        drafted = outcome.tree.size
        done = Done(drafted, outcome.accepted, cut=drafted == self.limit, features=features)
        return _after(self.model, reading, outcome), self.policy.learn(learnt, done), ()


def _after(model: LanguageModel, reading: Reading, outcome: Outcome) -> Reading:
    if isinstance(model, Sharing):
        return model.beside(outcome.after)
    return reading.commit(outcome.tokens)
