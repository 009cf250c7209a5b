"""Trained networks side by side: same data, loss, steps and seeds; a few minutes of CPU a network and seed.

Run ``python papers/training.py fspad DUMP`` (or ``chimera``, ``hydra``). It writes ``trained.csv`` to
``papers/fspad``, a row a run and quantity, and ``trained-means.csv``, with what each network has more than
the first one, seed by seed. DUMP is ``specsim dump DUMP --model smollm2-135m --positions 14000 --layers
4,8,12,28``, on which the shipped networks were trained, too; the networks that are trained here are not kept.
Runs that are in ``trained.csv`` are not made again, so that it can be killed and goes on.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from papers.shared import mean_of, smollm, write_table
from specsim.heads.accuracy import measure
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

EPOCHS = 3
COLUMNS = ("network", "seed", "quantity", "value", "standard_error")


def eagle(**changes):
    return replace(RECIPES["eagle"], build=lambda backbone, _: Eagle(backbone, **changes))


# the first of each is what the others are compared with
NETWORKS = {
    "fspad": {
        "EAGLE": eagle(),
        "token selects": eagle(fusion="sampled"),
        "partly aligned": eagle(aligned="partly"),
        "FSPAD, both": eagle(fusion="sampled", aligned="partly"),
    },
    "chimera": {
        "Chimera": RECIPES["chimera"],
        "without trigrams": RECIPES["chimera-unigram"],
        "without context": RECIPES["chimera-no-context"],
    },
    "hydra": {"Medusa": RECIPES["medusa"], "Hydra": RECIPES["hydra"]},
}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("paper", choices=sorted(NETWORKS))
    options.add_argument("dump", type=Path)
    options.add_argument("--seeds", type=int, default=3)
    given = options.parse_args()
    folder, dump = Path(__file__).parent / given.paper, Dump.open(given.dump)
    runs = read(folder / "trained.csv")
    for seed in range(given.seeds):
        for name, recipe in NETWORKS[given.paper].items():
            if (name, seed) not in {(run["network"], int(run["seed"])) for run in runs}:
                runs += trained(name, recipe, dump, seed)
                write(folder / "trained.csv", runs)
    if given.seeds > 1:
        write_table(folder / "trained-means.csv", list(means(runs, list(NETWORKS[given.paper]), given.seeds)))


def trained(name, recipe, dump, seed):
    """Train one network and measure it on the held-out texts; errors over texts."""
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
        seed=seed,
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
    rows = [
        (f"{quantity}, step {step + 1}", values[step], errors[step])
        for step in range(DEPTH)
        for quantity, values, errors in (
            ("likeliest token right", found.hits[:, 0], found.hits_error[:, 0]),
            ("acceptance", found.accepted, found.accepted_error),
        )
    ]
    rows.append(("likeliest tokens right in a row", found.chain, found.chain_error))
    return [
        dict(zip(COLUMNS, (name, seed, quantity, f"{value:.6f}", f"{error:.6f}"), strict=True))
        for quantity, value, error in rows
    ]


def means(runs, names, seeds):
    """Each network's mean over seeds, and what it has more than the first one; errors over seeds alone."""
    for quantity in dict.fromkeys(run["quantity"] for run in runs):
        values = {name: over_seeds(runs, name, quantity, seeds) for name in names}
        for name in names:
            yield mean_of(name, quantity, values[name])
        for name in names[1:]:
            yield mean_of(f"{name}, less {names[0]}", quantity, values[name] - values[names[0]])


def over_seeds(runs, name, quantity, seeds):
    found = {
        int(run["seed"]): float(run["value"])
        for run in runs
        if (run["network"], run["quantity"]) == (name, quantity)
    }
    return np.array([found[seed] for seed in range(seeds)])


def read(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path, runs):
    """All runs so far, in one piece: nobody sees half of a file."""
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(runs)
    part.replace(path)


if __name__ == "__main__":
    main()
