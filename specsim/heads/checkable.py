r"""Labels for a judge without people: answers that can be checked, right or with one token made wrong.

Three kinds of task, each a prompt and its one right answer: a column of sums, a list to copy, a list to
reverse. A wrong version has one token of the answer replaced: a digit by another digit, an item's token by
one of another item. Tokens before the mistake are right (label 1), the mistake is wrong (label 0), and what
comes after it has no weight, as whether it is right can't be said. An untouched answer is right throughout.

Bachmann et al. 2025 (Judge Decoding), section 4, had 500 answers marked by people in the same way.
Automatic labels know mistakes of content only: they can't teach a judge to forgive another wording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsim.models import Model
from specsim.models.config import Array

# fmt: off
_ITEMS = (
    "apple", "pear", "plum", "cherry", "lemon", "grape", "peach", "melon", "onion", "carrot", "bread",
    "butter", "cheese", "salt", "pepper", "sugar", "rice", "bean", "river", "mountain", "forest",
    "desert", "island", "valley", "ocean", "bridge", "tower", "castle", "garden", "window", "door",
    "chair", "table", "lamp", "paper", "pencil", "book", "letter",
)
# fmt: on


@dataclass(frozen=True, eq=False)
class Answer:
    """One text with labels.

    Attributes
    ----------
    kind
        ``"sum"``, ``"copy"`` or ``"reverse"``.
    tokens
        Prompt and answer.
    label, weight
        Shape of ``tokens``: whether each is right, and whether it counts. Prompts don't.
    """

    kind: str
    tokens: Array
    label: Array
    weight: Array


def answers(model: Model, *, count: int, seed: int, wrong: float = 0.5) -> list[Answer]:
    """Answers of each kind in turn, some of them with a mistake.

    Parameters
    ----------
    model
        Whose tokenizer is used.
    count
        How many, at least 1.
    seed
        Of everything.
    wrong
        Share that get a mistake, in [0, 1].

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> first, second = answers(toy_model(seed=0), count=2, seed=0, wrong=1.0)
    >>> first.kind, second.kind, int(first.weight.sum() - first.label.sum())
    ('sum', 'copy', 1)
    """
    if count < 1 or not 0 <= wrong <= 1:
        raise ValueError(f"count must be at least 1 and wrong in [0, 1], got {count} and {wrong}")
    rng = np.random.default_rng(seed)
    kinds = ("sum", "copy", "reverse")
    return [_answer(model, kinds[number % 3], rng, wrong) for number in range(count)]


def _answer(model: Model, kind: str, rng: np.random.Generator, wrong: float) -> Answer:
    prompt, right = _task(kind, rng)
    asked, given = model.tokenizer.encode(prompt), np.array(model.tokenizer.encode(right))
    pool = _pool(model, kind)
    places = np.flatnonzero(np.isin(given, pool))
    place = len(given)
    if rng.random() < wrong and places.size:
        place = int(rng.choice(places))
        given[place] = rng.choice(pool[pool != given[place]])
    weight = np.concatenate([np.zeros(len(asked)), np.arange(len(given)) <= place])
    label = weight.copy()
    if place < len(given):
        label[len(asked) + place] = 0.0
    return Answer(kind, np.array([*asked, *given], dtype=np.int32), label, weight)


def _task(kind: str, rng: np.random.Generator) -> tuple[str, str]:
    if kind == "sum":
        pairs = rng.integers(11, 99, size=(6, 2)).tolist()
        lines = [f"{a} + {b} = {a + b}" for a, b in pairs]
        return f"Sums, one a line.\n{lines[0]}\n{lines[1]}\n", "\n".join(lines[2:]) + "\n"
    items = rng.choice(_ITEMS, size=8, replace=False).tolist()
    listed = ", ".join(items)
    if kind == "copy":
        return f"List: {listed}\nThe same list again:", f" {listed}\n"
    return f"List: {listed}\nThe list from last to first:", f" {', '.join(items[::-1])}\n"


def _pool(model: Model, kind: str) -> Array:
    """Tokens that stand for content: digits, or items' tokens with a blank before them."""
    texts = [str(n) for n in range(10)] if kind == "sum" else [f" {item}" for item in _ITEMS]
    return np.unique([token for text in texts for token in model.tokenizer.encode(text)])
