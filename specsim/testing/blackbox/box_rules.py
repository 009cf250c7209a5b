"""Rules that own their randomness, as rules of an audit: drafts are enumerated, the rest is extracted.

A :class:`Backend` says how a call's randomness is driven, and how it is left free for sampling: numpy's
generators are passed in, those of other libraries are replaced while the function runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from specsim.testing.blackbox.drive import Drive
from specsim.testing.blackbox.extraction import Effort, Extraction, Piece, extract
from specsim.testing.cases import Case, NodeCase, TreeCase
from specsim.testing.paths import Emission, Round, RunPath, Step, spoiled_arrays
from specsim.testing.rules import as_token, as_tokens, shifted_to
from theory.chance import Enumerated
from theory.couplings import UnsupportedLaw
from theory.laws import Tokens
from theory.tree import DraftTree
from theory.walks.base import Model, UnsupportedTree

Arrays = dict[str, Any]


class Backend(Protocol):
    """How a function's randomness is driven, and how it is left free."""

    @property
    def effort(self) -> Effort:
        """How thoroughly laws are extracted."""
        ...

    def driven(self, function: Callable[..., Any], given: Arrays, drive: Drive) -> Any:
        """Call a function with its numbers from a drive."""
        ...

    def free(self, function: Callable[..., Any], given: Arrays, rng: np.random.Generator) -> Any:
        """Call a function with numbers of its own kind, seeded from a generator."""
        ...


@dataclass(frozen=True)
class BoxRule:
    """A function of arrays that owns its randomness; see the subclasses for its forms.

    Attributes
    ----------
    name, form
        For reports.
    call
        The function; its arrays are passed by keyword.
    backend
        Where its randomness comes from.
    """

    name: str
    form: str
    call: Callable[..., Any]
    backend: Backend
    default_laws: tuple[str, ...] | None = ("iid",)
    default_drafts: tuple[int, ...] = (1,)
    default_examples: int = 40
    shrinking: tuple[int, int] = (80, 80)
    drafting: ClassVar[None] = None
    # an extraction is hundreds of runs already, and stops at the first that is not as it was
    repetitions: ClassVar[int] = 2
    method: ClassVar[str] = "extracted"

    at_node: ClassVar[bool]

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        """One round on a case; defined by the forms."""
        raise NotImplementedError

    def sampler(self, case: Case) -> Callable[[np.random.Generator], Tokens]:
        """A function that runs the rule once with free randomness; defined by the forms."""
        raise NotImplementedError

    def claimed_acceptance(self, case: Case) -> Any:
        """A function claims nothing."""
        return None

    def _extracted(self, given: Arrays, outcome_of: Callable[[Any], Tokens]) -> Extraction:
        """The law of the emitted tokens and of which inputs were written to."""

        def function(drive: Drive) -> tuple[Tokens, str | None]:
            mine = _copied(given)
            answer = self.backend.driven(self.call, mine, drive)
            pairs = {name: (mine[name], given[name]) for name in given if np.ndim(given[name])}
            return outcome_of(answer), spoiled_arrays(pairs)

        return extract(function, self.backend.effort)


@dataclass(frozen=True)
class BoxNodeRule(BoxRule):
    """A function at one node: ``(p, q, token)``, ``(p, q, tokens)``, or ``(p, q)`` if it draws its own draft.

    Attributes
    ----------
    drafts_as
        Name of the drafts' parameter, or None.
    """

    drafts_as: str | None = "token"
    at_node: ClassVar[bool] = True

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        assert isinstance(case, NodeCase)
        collected = _Collected()
        for drafts, mass in self._drafts(case).items():
            extraction = self._extracted(self._given(case, drafts), lambda answer: self._tokens(answer, case))
            steps = () if self.drafts_as is None else (Step("draft", " ".join(map(str, drafts)), mass),)
            collected.add(extraction, float(mass), steps)
        return collected.round()

    def sampler(self, case: Case) -> Callable[[np.random.Generator], Tokens]:
        """A function that runs the rule once with free randomness, on drafts drawn from the case's law."""
        assert isinstance(case, NodeCase)
        table = list(self._drafts(case).items())
        masses = np.cumsum([float(mass) for _, mass in table])
        given = [self._given(case, drafts) for drafts, _ in table]

        def sample(rng: np.random.Generator) -> Tokens:
            index = min(int(np.searchsorted(masses, rng.random(), side="right")), len(table) - 1)
            return self._tokens(self.backend.free(self.call, _copied(given[index]), rng), case)

        return sample

    def _drafts(self, case: NodeCase) -> dict[Tokens, Any]:
        if self.drafts_as is None:
            return {(): 1}
        if self.drafts_as == "token" and case.law.k != 1:
            raise UnsupportedLaw(f"{self.name} takes one draft, not {case.law.k}")
        return case.law.enumerate()

    def _given(self, case: NodeCase, drafts: Tokens) -> Arrays:
        given: Arrays = {"p": case.p.astype(np.float64), "q": case.q.astype(np.float64)}
        if self.drafts_as == "token":
            return {**given, "token": drafts[0]}
        return given if self.drafts_as is None else {**given, self.drafts_as: np.array(drafts)}

    @staticmethod
    def _tokens(answer: Any, case: NodeCase) -> Tokens:
        return (as_token(answer, case.p.size),)


@dataclass(frozen=True)
class BoxTreeRule(BoxRule):
    """A function over a chain, ``(target_rows, draft_rows, tokens)``, or over a tree, with ``parents``.

    Attributes
    ----------
    over_trees
        Whether it takes ``parents``, and so trees.
    """

    over_trees: bool = False
    default_examples: int = 12
    shrinking: tuple[int, int] = (20, 30)
    at_node: ClassVar[bool] = False

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        assert isinstance(case, TreeCase)
        base = shifted_to(case.target, context) if target is None else target
        draft = shifted_to(case.draft, context)
        collected = _Collected()
        for path in Enumerated().paths(lambda chance: case.grow(chance, draft=draft)):
            given = self._given(path.outcome, base, draft)
            extraction = self._extracted(given, lambda answer: as_tokens(answer, case.target.vocabulary))
            steps = tuple(Step(stream, str(index), mass) for stream, index, mass in path.choices)
            collected.add(extraction, float(path.weight), steps)
        return collected.round()

    def sampler(self, case: Case) -> Callable[[np.random.Generator], Tokens]:
        """A function that runs one round with free randomness and completes it with samples of the target."""
        assert isinstance(case, TreeCase)

        def sample(rng: np.random.Generator) -> Tokens:
            chance = OneStream(rng)
            tree = case.grow(chance, draft=case.draft)
            given = self._given(tree, case.target, case.draft)
            tokens = as_tokens(self.backend.free(self.call, given, rng), case.target.vocabulary)
            while len(tokens) < case.length:
                tokens = (*tokens, chance.draw(case.target(tokens), stream="completion"))
            return tokens[: case.length]

        return sample

    def _given(self, tree: DraftTree, target: Model, draft: Model) -> Arrays:
        nodes = range(len(tree.tokens))
        rows = {
            "target_rows": np.array([target(tree.prefix(node)) for node in nodes], dtype=np.float64),
            "draft_rows": np.array([draft(tree.prefix(node)) for node in nodes], dtype=np.float64),
            "tokens": np.array(tree.tokens[1:]),
        }
        if self.over_trees:
            return {**rows, "parents": np.array(tree.parents[1:])}
        if any(len(tree.children(node)) > 1 for node in nodes):
            raise UnsupportedTree(f"{self.name} takes chains; a tree rule has the parameter parents")
        return {**rows, "draft_rows": rows["draft_rows"][:-1]}


class OneStream:
    """A chance that takes all numbers from one generator; the harness's own draws are not what is audited."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def flip(self, probability: Any, *, stream: str) -> bool:
        return bool(self._rng.random() < probability)

    def draw(self, weights: Any, *, stream: str) -> int:
        total = np.cumsum(np.asarray(weights, dtype=np.float64))
        live = int(np.searchsorted(total, total[-1], side="left"))
        return min(int(np.searchsorted(total, self._rng.random() * total[-1], side="right")), live)


def _copied(given: Arrays) -> Arrays:
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in given.items()}


@dataclass
class _Collected:
    """The pieces of several extractions as the paths of one round."""

    paths: list[RunPath] = field(default_factory=list)
    error: float = 0.0
    runs: int = 0
    edges: dict[tuple[Tokens, str], None] = field(default_factory=dict)

    def add(self, extraction: Extraction, mass: float, steps: tuple[Step, ...]) -> None:
        self.error += mass * extraction.error
        self.runs += extraction.runs
        for piece in extraction.pieces:
            tokens, spoiled = piece.outcome
            emission = Emission(tokens, None, None, spoiled)
            self.paths.append(RunPath(emission, mass * piece.weight, (*steps, *_steps(piece))))
        for (tokens, _), value in extraction.edges:
            self.edges[tokens, f"a uniform number of exactly {value:.17g}"] = None

    def round(self) -> Round:
        return Round(tuple(self.paths), self.error, self.runs, tuple(self.edges))


def _steps(piece: Piece) -> tuple[Step, ...]:
    steps = []
    for position, request in enumerate(piece.run.requests):
        if request.probabilities is not None:
            answer = int(request.answer)
            steps.append(Step(f"choice {position}", str(answer), request.probabilities[answer]))
            continue
        low, high = piece.intervals[position]
        steps.append(Step(f"number {position}", f"in ({low:.6g}, {high:.6g})", high - low))
    return tuple(steps)
