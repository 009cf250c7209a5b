r"""The exact law of what a system emits, by enumeration of all that a session does.

Drafting, stopping, the memories of drafter and policy, verification and rollback are all replayed over every
outcome of every question that they ask ``chance``. With rows in fractions, losslessness is an equality.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from specsim.decoding.plans import Step
from specsim.decoding.session import Session, open_session
from theory.chance import Chance, Enumerated
from theory.laws import Tokens
from theory.proof import target_law
from theory.walks import Model

if TYPE_CHECKING:
    from specsim.decoding.system import System


def law_of(system: System, prompt: Tokens, *, rounds: int, length: int) -> dict[Tokens, Any]:
    """The joint law of the first ``length`` tokens of some rounds, completed with samples of the target.

    Parameters
    ----------
    system
        On table worlds.
    prompt
        Where it starts.
    rounds
        Most rounds; no round starts once ``length`` tokens are there.
    length
        Tokens of the law.

    Returns
    -------
    dict
        From tuples of ``length`` tokens to probabilities; exact for fractions.

    Raises
    ------
    TypeError
        If the drafter's memory cannot be hashed.

    Notes
    -----
    Rounds are enumerated once from every session that can be reached (context, memory, pending drafts),
    not once for every path to it. The last token is completed from the target's own rows.
    """
    states: dict[Session, Any] = {_hashable(open_session(system, prompt)): 1}
    for _ in range(rounds):
        states = _after(states, system, len(prompt) + length)
    law: dict[Tokens, Any] = {}
    for session, mass in states.items():
        text = session.context[len(prompt) :]
        for rest, weight in _completions(system, session, length - len(text)).items():
            key = (*text, *rest)[:length]
            law[key] = law.get(key, 0) + mass * weight
    return law


def _after(states: dict[Session, Any], system: System, end: int) -> dict[Session, Any]:
    out: dict[Session, Any] = {}
    for session, mass in states.items():
        for later, weight in _outcomes(system, session, end).items():
            out[later] = out.get(later, 0) + mass * weight
    return out


def _outcomes(system: System, session: Session, end: int) -> dict[Session, Any]:
    if len(session.context) >= end:
        return {session: 1}

    def program(chance: Chance) -> Session:
        # no cut at the end: the joint law of the first tokens must not depend on it
        return _hashable(system.plan.step(system, session, chance=chance, room=10**9).session)

    return Enumerated().law(program)


def _hashable(session: Session) -> Session:
    if not isinstance(session, Hashable):
        raise TypeError("a session must be hashable")
    try:
        hash(session)
    except TypeError as error:
        raise TypeError(
            f"the drafter's memory can't be hashed ({error}); an exact law merges equal sessions: make "
            "the memory a frozen value"
        ) from None
    return session


def _completions(system: System, session: Session, count: int) -> dict[Tokens, Any]:
    return target_law(target=rows_of(system, session.context), length=max(0, count))


def rows_of(system: System, context: Tokens) -> Model:
    """The target's rows behind a context, as a model over prefixes."""

    def row(prefix: Tokens) -> Any:
        return system.target.open((*context, *prefix)).read([()])(())

    return row


def is_lossless(system: System, prompt: Tokens, *, rounds: int = 2, length: int = 3) -> bool:
    """Whether the emitted joint law is the target's: an equality, for worlds in fractions.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from specsim.decoding import Drawn, System, World
    >>> from theory.walks import named
    >>> p = World(lambda context: np.array([F(1, 2), F(1, 3), F(1, 6)]))
    >>> q = World(lambda context: np.array([F(1, 4), F(1, 4), F(1, 2)]))
    >>> scheme = named.token_level(2)
    >>> is_lossless(System(target=p, drafter=Drawn(q, scheme.grow), walk=scheme.walk), (0,))
    True
    """
    law = law_of(system, prompt, rounds=rounds, length=length)
    return law == target_law(target=rows_of(system, prompt), length=length)


def distortion_of(system: System, prompt: Tokens, *, rounds: int = 2, length: int = 3) -> Any:
    """Total variation between the emitted joint law and the target's; a fraction for fractions.

    Zero is lossless at this prompt and size.
    """
    law = law_of(system, prompt, rounds=rounds, length=length)
    truth = target_law(target=rows_of(system, prompt), length=length)
    return sum(abs(law.get(key, 0) - truth.get(key, 0)) for key in law.keys() | truth.keys()) / 2


def expected_round(system: System, prompt: Tokens) -> Any:
    """Expected tokens of the first round, bonus or correction included; exact for fractions."""
    session = open_session(system, prompt)

    def program(chance: Chance) -> int:
        step: Step = system.plan.step(system, session, chance=chance, room=10**9)
        return len(step.round.tokens)

    return Enumerated().expectation(program)
