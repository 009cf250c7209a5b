"""Drafts are verified against the target's likeliest token although the request samples."""

from __future__ import annotations

from tests.museum.museum import Exhibit, one_hot


class Matching:
    """Accept while the draft is the target's own choice."""

    def __init__(self, choose):
        self.choose = choose

    def verify(self, *, tree, target, chance):
        emitted = ()
        for depth, token in enumerate(tree.tokens[1:]):
            choice = chance.draw(self.choose(target(emitted)), stream=f"choice/{depth}")
            emitted = (*emitted, choice)
            if choice != token:
                return emitted
        return (*emitted, chance.draw(target(emitted), stream="bonus"))


EXHIBIT = Exhibit(
    "argmax verification of sampled requests",
    (
        "sgl-project/sglang#31214",
        "sgl-project/sglang#32922",
        "sgl-project/sglang#39253",
        "ROCm/ATOM#2318",
        "EricLBuehler/mistral.rs#2424",
        "NVIDIA/TensorRT-LLM#19390",
    ),
    broken=Matching(one_hot),
    # exact match against a sample is lossless: the emitted token is the target's own
    mended=Matching(lambda p: p),
    options={"laws": ("iid", "point"), "drafts": 1, "examples": 6},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
