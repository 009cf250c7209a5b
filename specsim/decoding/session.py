"""A session: the committed text of one sequence, and what target and drafter remember of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specsim.decoding.reading import Memory, Reading
from theory.laws import Law, Tokens

if TYPE_CHECKING:
    from specsim.decoding.system import System


@dataclass(frozen=True)
class Pending:
    """Drafted tokens that are not verified yet, and the laws they were drawn from."""

    tokens: Tokens = ()
    laws: tuple[Law, ...] = ()


@dataclass(frozen=True)
class Session:
    """One sequence in the making; a round makes a new one.

    Attributes
    ----------
    target
        The target's reading of the committed text.
    memory
        The drafter's.
    pending
        Drafts that wait for verification, of plans that overlap drafting and verification.
    """

    target: Reading
    memory: Memory
    pending: Pending = Pending()

    @property
    def context(self) -> Tokens:
        """The committed text, the prompt included."""
        return self.target.context


def open_session(system: System, prompt: Tokens) -> Session:
    """Read a prompt: by the target, then by the drafter.

    Raises
    ------
    ValueError
        If a token of the prompt is not of the target's vocabulary.
    """
    prompt = checked_prompt(prompt, system.target.vocabulary)
    target: Any = system.target.open(prompt)
    return Session(target=target, memory=system.drafter.open(target))


def checked_prompt(prompt: Tokens, vocabulary: int) -> Tokens:
    """The prompt as a tuple of ints, or ``ValueError`` for a token outside of the vocabulary."""
    wrong = [token for token in prompt if not 0 <= token < vocabulary]
    if wrong:
        raise ValueError(f"the prompt has the token {wrong[0]}; the vocabulary is 0..{vocabulary - 1}")
    return tuple(int(token) for token in prompt)
