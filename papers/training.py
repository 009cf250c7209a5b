"""Ablations of trained networks, all with the same data, loss, steps and seed; a few minutes of CPU each.

Run ``python papers/training.py fspad DUMP`` (or ``chimera``): it writes ``papers/fspad/trained.csv``. DUMP is
``specsim dump DUMP --model smollm2-135m --positions 14000 --layers 4,8,12,28``, on which the shipped networks
were trained, too; the networks that are trained here are not kept.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from papers.shared import Figure, smollm, write_table
from specsim.heads.accuracy import measure
from specsim.heads.chimera import Chimera
from specsim.heads.eagle import Eagle
from specsim.heads.recipes import (
    DEPTH,
    RECIPES,
    backbone_of,
    held_out,
    optimiser_of,
    says,
    source_of,
    texts,
)
from specsim.training import Offline, fit
from specsim.training.dump_files import Dump

EPOCHS, SEED = 3, 0
NETWORKS = {
    "fspad": {
        "EAGLE": Eagle,
        "token selects": lambda backbone: Eagle(backbone, fusion="sampled"),
        "partly aligned": lambda backbone: Eagle(backbone, aligned="partly"),
        "FSPAD, both": lambda backbone: Eagle(backbone, fusion="sampled", aligned="partly"),
    },
    "chimera": {
        "Chimera": lambda backbone: Chimera(backbone, heads=DEPTH),
        "without trigrams": lambda backbone: Chimera(backbone, heads=DEPTH, grams=1),
        "without context": lambda backbone: Chimera(backbone, heads=DEPTH, context=False),
    },
}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("paper", choices=sorted(NETWORKS))
    options.add_argument("dump", type=Path)
    given = options.parse_args()
    dump, figures = Dump.open(given.dump), []
    for name, build in NETWORKS[given.paper].items():
        figures += trained(name, RECIPES[given.paper], build, dump)
        write_table(Path(__file__).parent / given.paper / "trained.csv", figures)


def trained(name, recipe, build, dump):
    """Train one network and measure it on the held-out texts; errors over texts."""
    recipe = replace(recipe, build=lambda backbone, model: build(backbone), epochs=EPOCHS)
    backbone = backbone_of(smollm(), dump)
    network = recipe.build(backbone, smollm())
    learn, check = texts(dump, names=recipe.names())
    source = source_of(learn)
    steps = EPOCHS * source.steps_per_epoch
    done = fit(
        network,
        source=source,
        objective=recipe.loss(backbone),
        schedule=Offline(steps),
        optimiser=optimiser_of(recipe, steps),
        seed=SEED,
    )
    found = measure(
        says(network),
        done.params,
        held_out(check),
        vocabulary=backbone.vocabulary,
        head=backbone.head,
        first=recipe.first,
        step=recipe.step,
    )
    for step in range(DEPTH):
        yield Figure(
            name, f"likeliest token right, step {step + 1}", found.hits[step, 0], found.hits_error[step, 0]
        )
        yield Figure(name, f"acceptance, step {step + 1}", found.accepted[step], found.accepted_error[step])
    yield Figure(name, "likeliest tokens right in a row", found.chain, found.chain_error)


if __name__ == "__main__":
    main()
