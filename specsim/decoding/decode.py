"""Decoding: rounds until there is enough text, and the trace that metrics are functions of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specsim.decoding.plans import Round
from specsim.decoding.session import Session, open_session
from theory.chance import Chance
from theory.laws import Tokens

if TYPE_CHECKING:
    from specsim.decoding.system import System


@dataclass(frozen=True)
class Trace:
    """What one request did.

    Attributes
    ----------
    prompt
        The text it began with.
    rounds
        One entry a target call.
    """

    prompt: Tokens
    rounds: tuple[Round, ...]

    @property
    def tokens(self) -> Tokens:
        """All emitted tokens."""
        return tuple(token for done in self.rounds for token in done.tokens)


def decode(
    system: System,
    prompt: Tokens,
    *,
    max_new_tokens: int,
    chance: Chance,
    end_tokens: Collection[int] = (),
) -> Trace:
    """Run a system on a prompt.

    Parameters
    ----------
    system
        What decodes.
    prompt
        Token ids; at least one for real models.
    max_new_tokens
        The trace has at most so many tokens; the last round is cut.
    chance
        Randomness of drafting and verification.
    end_tokens
        The text ends after the first of them, which is kept.

    Raises
    ------
    ValueError
        If a number is out of range or the prompt does not fit the vocabulary.
    """
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be at least 0, got {max_new_tokens}")
    trace, _ = resume(
        system,
        open_session(system, prompt),
        max_new_tokens=max_new_tokens,
        chance=chance,
        end_tokens=end_tokens,
    )
    return trace


def resume(
    system: System,
    session: Session,
    *,
    max_new_tokens: int,
    chance: Chance,
    end_tokens: Collection[int] = (),
) -> tuple[Trace, Session]:
    """The same from a session; also the session that it ends in, for a next request or turn."""
    start, rounds, left = session.context, list[Round](), max_new_tokens
    while left > 0:
        step = system.plan.step(system, session, chance=chance, room=left)
        session, done = step.session, step.round
        rounds.append(done)
        left -= len(done.tokens)
        if any(token in end_tokens for token in done.tokens):
            rounds[-1] = _until_end(done, end_tokens)
            break
    return Trace(start, tuple(rounds)), session


def _until_end(done: Round, end_tokens: Collection[int]) -> Round:
    keep = next(i for i, token in enumerate(done.tokens) if token in end_tokens) + 1
    if keep == len(done.tokens):
        return done
    return Round(
        drafted=done.drafted,
        depth=done.depth,
        accepted=min(done.accepted, keep),
        tokens=done.tokens[:keep],
        bonus=False,
        draft=done.draft,
        target=done.target,
        overlapped=done.overlapped,
        source=done.source[:keep],
    )
