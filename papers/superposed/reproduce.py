"""Superposed Decoding (Shen et al., NeurIPS 2024): k drafts from one pass a step, and what the mixing loses.

Run it with

    python papers/superposed/reproduce.py            # writes table.csv, model.csv and drafts.png
    python papers/superposed/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from papers.heads import CHAIN, held_out_prompts, on_held_out
from papers.shared import COLOURS, DOMAINS, Figure, asked, axes, finish, mean_of, save, softmax
from papers.texts import bench, corpus
from specsim.decoding import Drawn, System
from specsim.decoding.loaded import Loaded
from specsim.drafters.mixed import MixedModel
from specsim.drafters.superposed import SuperposedDrafts
from specsim.models import LayerMask
from specsim.stores.datastore import Datastore
from specsim.stores.ngram_mix import NGramMix
from specsim.stores.suffix import Suffixes
from specsim.stores.superposed import Superposed, multilinear
from specsim.systems import superposed
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget, by_target, tree_of_paths
from theory.simplex import total_variation
from theory.walks import TopDown

HERE = Path(__file__).parent
VOCABULARY, ORDER, WORLDS, CONTEXTS = 12, 2, 12, 12
SHARPNESS = 2.0
DRAFTS, LENGTH = (1, 2, 3, 5, 8), 5
CORPORA = (400, 10_000)  # tokens of text for n-grams
WAYS = ("superposed", *(f"superposed, n-grams of {size} tokens" for size in CORPORA), "beam search")
NODES, REAL_CORPUS = 18, 12_000  # the real model: three drafts of six tokens; text for n-grams


@cache
def row(seed, context):
    rng = np.random.default_rng([seed, len(context), *context])
    return softmax(SHARPNESS * rng.standard_normal(VOCABULARY))


def rows(seed):
    return lambda context: row(seed, tuple(context[-ORDER:]))


def main():
    options = asked(__doc__)
    figures = list(on_worlds())
    return finish(HERE, figures, options=options, draw=draw, model=lambda: list(on_model()))


def on_worlds():
    """Exact for each world and context: which texts are drafted, and the target's mass of them."""
    found = np.array([[measured(seed, k) for k in DRAFTS] for seed in range(WORLDS)])
    for place, k in enumerate(DRAFTS):
        for kind, name in enumerate(WAYS):
            case = f"{k} drafts, {name}"
            yield mean_of(case, "expected tokens", found[:, place, kind, 0])
            yield mean_of(case, "chance that the text is among the drafts", found[:, place, kind, 1])
        yield Figure(f"{k} drafts, superposed", "passes of one token", LENGTH)
        yield Figure(f"{k} drafts, beam search", "passes of one token", 1 + k * (LENGTH - 1))
    three = DRAFTS.index(3)
    gains = {
        "superposed, 3 drafts over 1": found[:, three, 0] - found[:, 0, 0],
        "n-grams of 400 tokens, 3 drafts": found[:, three, 1] - found[:, three, 0],
        "n-grams of 10000 tokens, 3 drafts": found[:, three, 2] - found[:, three, 0],
        "beam search over superposed with the most n-grams, 3 drafts": found[:, three, 3]
        - found[:, three, 2],
    }
    for case, values in gains.items():
        yield mean_of(case, "expected tokens gained", values[:, 0])
        yield mean_of(case, "chance gained", values[:, 1])
    for step, values in enumerate(np.mean([drift(seed) for seed in range(WORLDS)], axis=1).T, start=2):
        yield mean_of(f"step {step}", "distance of a draft's own law to the mixture", values)


def contexts(seed):
    return [(n % VOCABULARY, (seed + n // VOCABULARY) % VOCABULARY) for n in range(CONTEXTS)]


@cache
def ngrams(seed, size):
    """N-grams of a text that the model wrote."""
    rng, text = np.random.default_rng([99, seed]), [0, 1]
    while len(text) < size:
        text.append(int(rng.choice(VOCABULARY, p=row(seed, tuple(text[-ORDER:])))))
    return NGramMix(Suffixes(datastore=Datastore.of([text], vocabulary=VOCABULARY)))


def measured(seed, k):
    """Expected tokens and the chance that a text is drafted whole, for each kind of draft."""
    return np.mean([one_context(seed, k, context) for context in contexts(seed)], axis=0)


def one_context(seed, k, context):
    def after(prefix):
        return rows(seed)((*context, *prefix))

    law, mixes = multilinear(rows(seed), context=context, order=ORDER), [None]
    mixes += [ngrams(seed, size) for size in CORPORA]
    searches = [Superposed(drafts=k, length=LENGTH, ngrams=mix) for mix in mixes]
    paths = [search.search(law, context=context).paths for search in searches] + [beam(after, k)]
    return [(expected(of, after), sum(mass(path, after) for path in of)) for of in paths]


def beam(after, k):
    """The k likeliest texts as an ordinary beam search finds them: a pass for every draft and step."""
    found = [((), 1.0)]
    for _ in range(LENGTH):
        longer = [((*path, t), w * p) for path, w in found for t, p in enumerate(after(path))]
        found = sorted(longer, key=lambda one: -one[1])[:k]
    return [path for path, _ in found]


def expected(paths, after):
    """Tokens of a round with these texts as point masses: one, and the mass of every drafted prefix."""
    return by_target(tree_of_paths(list(paths), vocabulary=VOCABULARY), target=after)


def mass(path, after):
    return np.prod([after(path[:depth])[token] for depth, token in enumerate(path)])


def drift(seed):
    """For each context the distance between the mixture's law and each draft's own, weighted, by step."""
    return [drift_of(rows(seed), context) for context in contexts(seed)]


def drift_of(own, context):
    law = multilinear(own, context=context, order=ORDER)
    found = Superposed(drafts=3, length=LENGTH).search(law, context=context)
    steps = []
    for step in range(1, LENGTH):
        mixed = law(found.mixtures[:step])
        steps.append(np.mean([total_variation(mixed, own((*context, *path[:step]))) for path in found.paths]))
    return steps


def without_ngrams(here):
    """The shipped system's search by the model alone."""
    draft = drafting(here)
    search = Superposed(drafts=superposed.DRAFTS, length=superposed.LENGTH)
    drafter = SuperposedDrafts(lambda c: MixedModel.of(draft, c), search, vocabulary=draft.vocabulary)
    return System(here.target, drafter, TopDown(Recursive()))


def beams(here):
    """As many nodes by a beam of the same draft model: a pass for every node that is opened."""
    algorithm = Eagle2(top_k=superposed.DRAFTS, steps=superposed.LENGTH)
    return System(here.target, Drawn(drafting(here), WithBudget(algorithm, NODES)), TopDown(Recursive()))


def drafting(here):
    layers = here.model.config.layers
    return Loaded(here.model, here.warp, LayerMask.middle(superposed.SKIPPED, of=layers))


def with_ngrams(here):
    """The shipped system, with n-grams of texts that the prompts are not among."""
    text = sum((corpus(domain, REAL_CORPUS // len(DOMAINS)) for domain in DOMAINS), ())
    return superposed.real(replace(here, corpus=text))


SYSTEMS = {
    "superposed, 3 drafts of 6": with_ngrams,
    "superposed, no n-grams": without_ngrams,
    "beam of 3, 6 steps, same draft": beams,
}


def on_model():
    first, second, third = SYSTEMS
    yield from on_held_out(SYSTEMS, gains=[(first, second), (third, first), (third, CHAIN)])
    yield from drift_on_model()


def drift_on_model():
    """How near the mixture's law is to the mean of the drafts' own: cosine (centred logarithms) and TV."""
    draft = drafting(bench())
    cosines, distances = [], []
    for prompt in held_out_prompts():
        mixing = MixedModel.of(draft, prompt)
        found = Superposed(drafts=3, length=LENGTH + 1).search(mixing.law, context=prompt)
        mixtures, paths = found.mixtures, found.paths
        reading = mixing.reading.read([path[:-1] for path in paths])
        pairs = [
            (mixing.law(mixtures[:step]), np.mean([reading(path[:step]) for path in paths], axis=0))
            for step in range(1, len(mixtures) + 1)
        ]
        cosines.append([cosine(*pair) for pair in pairs])
        distances.append([total_variation(*pair) for pair in pairs])
    for step, (near, far) in enumerate(zip(np.transpose(cosines), np.transpose(distances), strict=True), 2):
        yield mean_of(f"model: step {step}", "cosine of mixture and mean of drafts", near)
        yield mean_of(f"model: step {step}", "distance of mixture and mean of drafts", far)


def cosine(first, second):
    first, second = (np.log(one + 1e-12) for one in (first, second))
    first, second = first - first.mean(), second - second.mean()
    return first @ second / np.sqrt((first @ first) * (second @ second))


def draw(figures):
    figure, panels = axes(width=8.4, count=2)
    for colour, name in zip(COLOURS, WAYS, strict=False):
        for panel, quantity in zip(
            panels, ("expected tokens", "chance that the text is among the drafts"), strict=True
        ):
            cases = [f"{k} drafts, {name}" for k in DRAFTS]
            found = [one for one in figures if one.case in cases and one.quantity == quantity]
            panel.errorbar(
                DRAFTS, [one.value for one in found], [one.standard_error for one in found],
                fmt="o-", ms=4, color=colour, label=name,
            )  # fmt: skip
            panel.set(xlabel="drafts k", ylabel=quantity)
    for panel in panels:
        panel.set_ylim(bottom=0)  # after all curves are drawn: it fixes the top, too
    panels[0].legend(frameon=False, fontsize=8)
    save(figure, HERE / "drafts.png")


if __name__ == "__main__":
    sys.exit(main())
