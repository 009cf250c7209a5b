"""A bonus token is compared with zero: token 0 is taken for 'no bonus'.

It is dropped, and the next round draws that position anew: token 0 is emitted less often than it should be.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, TokenByToken


class DropsZero(TokenByToken):
    """Emits the bonus if it is true."""

    def verify(self, *, tree, target, chance):
        tokens = super().verify(tree=tree, target=target, chance=chance)
        return tokens[:-1] if len(tokens) == tree.size + 1 and not tokens[-1] else tokens


EXHIBIT = Exhibit(
    "bonus token 0 taken for none",
    ("vllm-project/vllm#29274",),
    broken=DropsZero(),
    mended=TokenByToken(),
    options={"laws": "iid", "drafts": 1, "examples": 12},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
