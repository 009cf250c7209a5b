r"""Systems out of systems: a system as a drafter or as a model, and the choice between drafters.

These close the algebra of the slots: a hierarchy (TriForce) is a system whose drafter is a system, a router
(online speculation) is a drafter that picks one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from specsim.clocks import Call
from specsim.decoding.drafting import Drafter, Outcome, Proposal, beside, renewed
from specsim.decoding.reading import LanguageModel, Memory, Reading
from specsim.decoding.requests import Warming
from specsim.decoding.session import Session
from specsim.decoding.system import System
from theory.chance import Chance
from theory.laws import Iid, Law, Tokens
from theory.tree import DraftTree
from theory.walks import Labelled


@dataclass(frozen=True)
class SystemDrafter:
    r"""A lossless system as a drafter: what its rounds emit is a chain drawn from its target.

    Inner rounds run until ``length`` tokens are there; what is beyond is dropped, so how many are submitted
    does not depend on any of them. Each token's recorded law is the inner target's row before it, which
    is the law it has, given the tokens before it, because the inner system is lossless.

    Parameters
    ----------
    system
        The inner system.
    length
        Tokens submitted a round, at least 1.

    Raises
    ------
    ValueError
        If the inner system is lossy: the law of its tokens is not the law of its target, and the outer
        verification would be wrong; or if the length is less than 1.
    """

    system: System
    length: int

    def __post_init__(self) -> None:
        if not self.system.lossless:
            raise ValueError(
                f"the inner system {self.system.name!r} is lossy: its tokens do not have the law of its "
                "target, so no law can be recorded for them; use a lossless walk"
            )
        if self.length < 1:
            raise ValueError(f"length must be at least 1 token, got {self.length}")

    def open(self, target: Reading) -> Memory:
        """The inner session; inner features over the prompt are the inner target's."""
        inner: Any = beside(self.system.target, target)
        return Session(target=inner, memory=self.system.drafter.open(inner))

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Run inner rounds."""
        session, start = memory, len(memory.context)
        laws, work, first = list[Law](), list[Call](), None
        while len(session.context) < start + self.length:
            step = self.system.plan.step(
                self.system, session, chance=Labelled(chance, "inner"), room=self.length
            )
            tokens = step.round.tokens
            laws += [Iid(step.reading(tokens[:depth]), 1) for depth in range(len(tokens))]
            work += [*step.round.draft, *step.round.target]
            session, first = step.session, first or step.reading
        tokens = session.context[start : start + self.length]
        tree = DraftTree.chain(tokens, laws=laws[: self.length])
        return Proposal(tree, (memory, session, first), tuple(work))

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """The inner target keeps what it has read of the emitted text; the inner drafter hears of it."""
        before, after, first = memory
        target = renewed(self.system.target, after.target, outcome)
        told = Outcome(DraftTree.empty(), first, outcome.tokens, 0, after=target)
        inner = self.system.drafter.observe(before.memory, told)
        return Session(target=target, memory=inner)


def as_drafter(system: System, *, length: int) -> SystemDrafter:
    """A lossless system as a drafter of chains; see :class:`SystemDrafter`."""
    return SystemDrafter(system, length)


def as_model(system: System) -> LanguageModel:
    """A lossless system as a model: its next-token law is its target's.

    Raises
    ------
    ValueError
        If the system is lossy.
    """
    if not system.lossless:
        raise ValueError(
            f"the system {system.name!r} is lossy: what it emits is not the law of one model's rows; "
            "measure it by specsim.decoding.exact.distortion_of"
        )
    return system.target


@dataclass(frozen=True)
class Routed:
    """One of several drafters, chosen anew for each request from its prompt.

    Parameters
    ----------
    drafters
        By name.
    choose
        From the prompt to a name; a pure function.

    Raises
    ------
    ValueError
        When a session opens: if ``choose`` names no drafter.
    """

    drafters: Mapping[str, Drafter]
    choose: Callable[[Tokens], str]

    def open(self, target: Reading) -> Memory:
        """Choose, and open the chosen one."""
        name = self.choose(target.context)
        if name not in self.drafters:
            raise ValueError(f"the router chose {name!r}; there are {sorted(self.drafters)}")
        return name, self.drafters[name].open(target)

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """What the chosen one proposes."""
        name, inner = memory
        proposal = self.drafters[name].propose(inner, chance=chance)
        return Proposal(proposal.tree, (name, proposal.memory), proposal.work, proposal.sources)

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """What the chosen one learns."""
        name, inner = memory
        return name, self.drafters[name].observe(inner, outcome)

    def warmed(self, memory: Any) -> Routed:
        """The router for a next request; the chosen drafter keeps what it has learnt."""
        name, inner = memory
        drafter = self.drafters[name]
        if not isinstance(drafter, Warming):
            return self
        return Routed({**self.drafters, name: drafter.warmed(inner)}, self.choose)
