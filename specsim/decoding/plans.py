r"""Round plans: in which order a round's parts run, and so what may overlap.

:class:`Serial` drafts, then verifies. :class:`Overlapped` drafts the next block while the last one is
verified (PEARL, Liu et al. 2025): what is drafted beyond the verified text is *pending*. A nested plan
is a serial one whose drafter is itself a system (:func:`specsim.decoding.algebra.as_drafter`), and a
fused one a serial one whose drafter reads the target's features and has no forward passes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from specsim.clocks import Call
from specsim.decoding.drafting import Outcome
from specsim.decoding.reading import Reading, Rows, read_tree
from specsim.decoding.session import Pending, Session
from theory.chance import Chance
from theory.couplings import Maximal
from theory.laws import Iid, Law, Tokens
from theory.tree import DraftTree

if TYPE_CHECKING:
    from specsim.decoding.system import System


@dataclass(frozen=True)
class Round:
    """What happened in one round.

    Attributes
    ----------
    drafted
        Tokens that were drafted. In overlapped rounds they are submitted to verification in the next one, but
        for the first; those dropped unseen count.
    depth
        Length of the longest drafted path.
    accepted
        Emitted tokens that were drafted.
    tokens
        Emitted tokens; with a bonus or correction one more than ``accepted``.
    bonus
        Whether the last one is a bonus: all of a path was accepted.
    draft, target
        Forward passes of each.
    overlapped
        Whether draft and target ran side by side.
    source
        What the accepted tokens came from, where the drafter says.
    """

    drafted: int
    depth: int
    accepted: int
    tokens: Tokens
    bonus: bool
    draft: tuple[Call, ...]
    target: tuple[Call, ...]
    overlapped: bool = False
    source: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A round's end: the session after it, what happened, and the target's reading before the commit."""

    session: Session
    round: Round
    reading: Reading


class Plan(Protocol):
    """How a round runs."""

    def step(self, system: System, session: Session, *, chance: Chance, room: int) -> Step:
        """One round that keeps at most ``room`` tokens."""
        ...


@dataclass(frozen=True)
class Serial:
    """Propose, score, verify, commit."""

    def step(self, system: System, session: Session, *, chance: Chance, room: int) -> Step:
        """One round; at least one token."""
        proposal = system.drafter.propose(session.memory, chance=chance)
        reading = read_tree(session.target, proposal.tree)
        verified = system.walk.verify(tree=proposal.tree, target=reading, chance=chance)
        tokens = tuple(int(token) for token in verified.tokens)[:room]
        accepted = min(len(verified.path), len(tokens))
        outcome = Outcome(proposal.tree, reading, tokens, accepted, after=reading.commit(tokens))
        after = Session(outcome.after, system.drafter.observe(proposal.memory, outcome))
        done = Round(
            drafted=proposal.tree.size,
            depth=proposal.tree.depth,
            accepted=accepted,
            tokens=tokens,
            bonus=verified.bonus and len(tokens) == len(verified.tokens),
            draft=proposal.work,
            target=reading.work,
            source=_sources(proposal.sources, verified.path[:accepted]),
        )
        return Step(after, done, reading)


def _sources(sources: tuple[str, ...], path: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(sources[node - 1] for node in path) if sources else ()


@dataclass(frozen=True)
class Overlapped:
    r"""Draft a block while the target verifies what is pending: PEARL's pre- and post-verify modes.

    With nothing pending (*pre-verify*) the target scores the committed text while the draft draws
    ``block`` tokens; only the first is verified. With tokens pending (*post-verify*) the target scores them
    while the draft draws a new block behind them; they and the new block's first token are verified.
    If all are accepted, the rest of the new block is pending; a rejection emits a token of the residual
    and drops every drafted token behind it. There is no bonus token: the first token of the next block
    stands where it would.

    Lossless: yes (each emitted token is that of a maximal coupling at its position; what is
    drafted, and how many, is settled before its token is drawn). The system's drafter must be a
    :class:`~specsim.decoding.drawn.Drawn` (its grower is not used), its walk token-level.

    Parameters
    ----------
    block
        Tokens drafted a round, at least 1; about target time over draft time is best.
    """

    block: int

    def __post_init__(self) -> None:
        if self.block < 1:
            raise ValueError(f"a block has at least 1 token, got {self.block}")

    def step(self, system: System, session: Session, *, chance: Chance, room: int) -> Step:
        """One round; at least one token."""
        rows = Rows(session.memory)
        waiting = session.pending
        new = self._draw(rows, waiting.tokens, chance)
        tokens, laws = (*waiting.tokens, *new.tokens), (*waiting.laws, *new.laws)
        judged = len(waiting.tokens) + 1
        tree = DraftTree.chain(tokens[: judged - 1], laws=laws[: judged - 1])
        reading = read_tree(session.target, tree)
        emitted, accepted = _verify(reading, tokens[:judged], laws, chance)
        kept = emitted[:room]
        done = Round(
            drafted=len(new.tokens),
            depth=judged,
            accepted=min(accepted, len(kept)),
            tokens=kept,
            bonus=False,
            draft=rows.reading.work,
            target=reading.work,
            overlapped=True,
        )
        whole = accepted == judged and len(kept) == judged
        pending = Pending(tokens[judged:], laws[judged:]) if whole else Pending()
        after = Session(reading.commit(kept), rows.reading.commit(kept), pending)
        return Step(after, done, reading)

    def _draw(self, rows: Rows, prefix: Tokens, chance: Chance) -> Pending:
        tokens: Tokens = ()
        laws = list[Law]()
        for depth in range(self.block):
            law = Iid(rows((*prefix, *tokens)), 1)
            tokens = (*tokens, *law.sample(chance, stream=f"draft/{depth}"))
            laws.append(law)
        return Pending(tokens, tuple(laws))


def _verify(target: Any, tokens: Tokens, laws: tuple[Law, ...], chance: Chance) -> tuple[Tokens, int]:
    """Emitted tokens and how many of them were drafted; no bonus behind the last."""
    for depth, token in enumerate(tokens):
        resolution = Maximal().resolve(
            p=target(tokens[:depth]), drafts=(token,), law=laws[depth], chance=chance, level=depth
        )
        if resolution.slot is None:
            return (*tokens[:depth], int(resolution.token)), depth
    return tokens, len(tokens)
