"""Helpers of the museum: an exhibit is a real bug, rebuilt from its description, and what catches it.

Every file of this directory that begins with ``test_`` holds one exhibit or one claim. The broken rule is
written here, from what the thread says; nothing is copied. ``python -m tests.museum.museum`` writes the
table of ``docs/museum.md`` anew from the files; a test keeps it in step.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import numpy as np

from specsim.testing import Family, Verdict, audit
from specsim.testing.scope import Options
from theory.laws import Iid, Law, Tokens
from theory.simplex import Array, residual
from theory.tree import DraftTree
from theory.walks import Model

DOCS = Path(__file__).parents[2] / "docs" / "museum.md"
START, END = "<!-- exhibits: written by tests/museum/museum.py -->", "<!-- end of exhibits -->"


@dataclass(frozen=True)
class Exhibit:
    """A real bug.

    Attributes
    ----------
    title
        What was wrong, in a few words.
    threads
        Where it was reported or mended, as ``owner/repository#number``.
    broken, mended
        The two rules.
    caught_by
        The check that catches it: ``law``, ``report``, ``acceptance``, ``edge``, ``inputs`` or ``samples``.
    within
        By which example (for ``samples``: by which sample) it is caught at the latest.
    options
        Of both audits.
    mended_options
        What differs for the mended rule, such as the law that its drafts are recorded with.
    """

    title: str
    threads: tuple[str, ...]
    broken: Any
    mended: Any
    caught_by: str = "law"
    within: int = 6
    options: Options = field(default_factory=Options)
    mended_options: Options = field(default_factory=Options)

    def catch(self) -> Verdict:
        """Audit the broken rule, and assert that it is caught as stated."""
        verdict = audit(self.broken, name=self.title, shrink=False, **self.options)
        assert verdict.lossless is False, str(verdict)
        assert how_caught(verdict) == self.caught_by, str(verdict)
        assert effort_of(verdict) <= self.within, str(verdict)
        return verdict

    def acquit(self) -> Verdict:
        """Audit the mended rule, and assert that it passes."""
        verdict = audit(self.mended, name=f"{self.title}, mended", **{**self.options, **self.mended_options})
        assert verdict.lossless is True, str(verdict)
        return verdict

    def row(self) -> str:
        """A row of the table."""
        unit = "samples" if self.caught_by == "samples" else "examples"
        return f"| {self.title} | {', '.join(self.threads)} | {self.caught_by} | {self.within} {unit} |"


@dataclass(frozen=True)
class Claim:
    """A claim made in a thread, and what is true.

    Attributes
    ----------
    thread
        As ``owner/repository#number``.
    claim
        What was said.
    finding
        What is so.
    """

    thread: str
    claim: str
    finding: str

    def row(self) -> str:
        """A row of the table."""
        return f"| {self.thread} | {self.claim} | {self.finding} |"


def how_caught(verdict: Verdict) -> str:
    """The name of the check that refuted a rule."""
    if verdict.counterexample is not None:
        return verdict.counterexample.check
    if verdict.reason.startswith("strictly: it writes"):
        return "inputs"
    return "edge" if verdict.reason.startswith("strictly: at") else "samples"


def effort_of(verdict: Verdict) -> int:
    """How many examples or samples that took."""
    if verdict.counterexample is not None:
        return verdict.counterexample.examples
    if verdict.reason.startswith("not lossless by "):
        return int(verdict.reason.split()[3])
    return verdict.examples


# What many broken rules have in common.


def ratio(p: Array, q: Array, token: int) -> Any:
    """``min(1, p / q)``, exactly."""
    return min(F(1), p[token] / q[token])


def leftover(p: Array, q: Array) -> Array:
    """The residual of p, or p itself where q takes nothing."""
    rest = residual(p, q)
    return rest if np.any(rest > 0) else p


def judged(p: Array, q: Array, token: int, chance: Any, *, level: int = 0) -> int:
    """Single-draft rejection: the token, or one of the residual."""
    if chance.flip(ratio(p, q, token), stream=f"accept/{level}"):
        return token
    return int(chance.draw(leftover(p, q), stream=f"residual/{level}"))


def one_hot(row: Array) -> Array:
    """All mass on the likeliest token, the first of equals."""
    out = row * 0
    out[int(np.argmax(row))] += 1
    return out


def own_row(target: Model, tokens: Tokens, depth: int) -> Array:
    """The target's distribution after the tokens before a position."""
    return target(tokens[:depth])


@dataclass(frozen=True)
class TokenByToken:
    """A chain verified token by token; ``rows`` says which row each drafted position is judged by."""

    rows: Any = own_row

    def verify(self, *, tree: DraftTree, target: Model, chance: Any) -> Tokens:
        """The emitted tokens."""
        drafted = tree.tokens[1:]
        for depth, token in enumerate(drafted):
            law = tree.laws[depth]
            assert law is not None
            p = self.rows(target, drafted, depth)
            emitted = judged(p, law.conditional(()), token, chance, level=depth)
            if emitted != token:
                return (*drafted[:depth], emitted)
        return (*drafted, int(chance.draw(target(drafted), stream="bonus")))


@dataclass(frozen=True, eq=False)
class Mislabelled(Iid):
    """One draft that is drawn from another distribution than the one that is recorded."""

    drawn_from: Array = field(default_factory=lambda: np.array([]))

    def sample(self, chance: Any, *, stream: str = "draft") -> Tokens:
        """A token of the true distribution."""
        return (int(chance.draw(self.drawn_from, stream=stream)),)


def mislabelled(name: str, truth: Any) -> Family:
    """A family whose drafts come from ``truth(q)`` while q is recorded."""

    def make(q: Any, k: int) -> Law:
        return Mislabelled(q[0], 1, truth(q[0]))

    return Family(name, make, counts=lambda k: k == 1)


def honest(name: str, truth: Any) -> Family:
    """The family that records the law which drafts were drawn from."""
    return Family(name, lambda q, k: Iid(truth(q[0]), 1), counts=lambda k: k == 1)


# The table.


def collection() -> Iterator[tuple[str, Exhibit | Claim]]:
    """Every exhibit and claim, by file."""
    package = importlib.import_module("tests.museum")
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        if entry.name.startswith("test_"):
            module = importlib.import_module(f"tests.museum.{entry.name}")
            for name in ("EXHIBIT", "CLAIM"):
                if hasattr(module, name):
                    yield f"{entry.name}.py", getattr(module, name)


def table() -> str:
    """The tables of ``docs/museum.md``."""
    entries = list(collection())
    lines = ["| what was wrong | thread | caught by | within | file |", "|---|---|---|---|---|"]
    lines += [f"{item.row()} {file} |" for file, item in entries if isinstance(item, Exhibit)]
    lines += ["", "| thread | claim | finding | file |", "|---|---|---|---|"]
    lines += [f"{item.row()} {file} |" for file, item in entries if isinstance(item, Claim)]
    return "\n".join(lines)


def documented() -> str:
    """The tables that ``docs/museum.md`` holds."""
    text = DOCS.read_text(encoding="utf-8")
    return text.partition(START)[2].partition(END)[0].strip()


def write() -> None:
    """Write the tables anew."""
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    DOCS.write_text(f"{before}{START}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
