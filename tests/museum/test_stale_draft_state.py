"""After a bonus the draft model's cache is wrong: drafts get worse, the output stays right.

The law alone can't show this. The acceptance that the rule promises for its p and q can: drafts come from a
stale context (and are verified by the law of that context), and are accepted less often than two good
models would be.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, judged
from theory.couplings import Resolution
from theory.simplex import overlap


class Drafting:
    """Draws its own draft, from q or from a stale version of it."""

    def __init__(self, context):
        self.context = context

    def resolve(self, *, p, drafts, law, chance, level=0):
        q = self.context(law.conditional(()))
        draft = chance.draw(q, stream="draft/own")
        token = judged(p, q, draft, chance)
        return Resolution(token, drafts.index(token) if token == draft and token in drafts else None)

    def acceptance(self, *, p, law):
        return overlap(p, law.conditional(()))


class Honest(Drafting):
    """Verifies the draft that it was given."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        token = judged(p, law.conditional(()), drafts[0], chance)
        return Resolution(token, 0 if token == drafts[0] else None)


EXHIBIT = Exhibit(
    "stale draft state: right output, lost acceptance",
    ("vllm-project/vllm#9730",),
    broken=Drafting(lambda q: (q + q.sum() / q.size) / 2),
    mended=Honest(lambda q: q),
    caught_by="acceptance",
    options={"laws": "iid", "drafts": 1, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
