"""Train a head or a probe by its recipe: ``python -m specsim.heads NAME --dump DIR --out DIR --seed 0``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import jax

from specsim.heads.accuracy import Accuracy, measure
from specsim.heads.files import save
from specsim.heads.probe_recipes import train_accept_head, train_judge
from specsim.heads.recipes import (
    RECIPES,
    Recipe,
    backbone_of,
    held_out,
    optimiser_of,
    says,
    source_of,
    texts,
)
from specsim.models import Model, load
from specsim.training.dump_files import Dump
from specsim.training.fit import fit
from specsim.training.schedules import Offline

#: Networks that read one hidden state and give one number.
PROBES = ("accept-head", "judge")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the head, and write one line of JSON about it to standard output."""
    parser = argparse.ArgumentParser(prog="python -m specsim.heads", description=__doc__)
    parser.add_argument("name", choices=sorted([*RECIPES, *PROBES]))
    parser.add_argument("--dump", type=Path, required=True, help="a dump of the target (specsim dump)")
    parser.add_argument("--out", type=Path, required=True, help="where NAME.safetensors goes")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    parser.add_argument(
        "--untrained", action="store_true", help="measure what it says before training; write nothing"
    )
    given = parser.parse_args(arguments)
    make = probe if given.name in PROBES else train
    report = make(given.name, load(given.model), Dump.open(given.dump), given)
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def train(name: str, model: Model, dump: Dump, given: argparse.Namespace) -> dict[str, Any]:
    """Train a recipe, save it, and measure it on the held-out texts."""
    recipe, backbone = RECIPES[name], backbone_of(model, dump)
    network = recipe.build(backbone, model)
    learn, check = texts(dump, names=recipe.names())
    source, epochs, begun = source_of(learn), given.epochs or recipe.epochs, process_time()
    steps = epochs * source.steps_per_epoch
    if given.untrained:
        params = network.init(jax.random.key(given.seed))
    else:
        params = fit(
            network,
            source=source,
            objective=recipe.loss(backbone),
            schedule=Offline(steps),
            optimiser=optimiser_of(recipe, steps),
            seed=given.seed,
        ).params
        given.out.mkdir(parents=True, exist_ok=True)
        save(given.out / f"{name}.safetensors", network, params, note=_note(name, model, dump, given))
    found = measure(
        says(network),
        params,
        held_out(check),
        vocabulary=backbone.vocabulary,
        head=backbone.head,
        first=recipe.first,
        step=recipe.step,
    )
    return _report(name, recipe, given, steps, process_time() - begun, found)


def probe(name: str, model: Model, dump: Dump, given: argparse.Namespace) -> dict[str, Any]:
    """Train a probe, save it, and measure it on what it was not trained on."""
    begun = process_time()
    if name == "judge":
        done = train_judge(model, seed=given.seed)
    else:
        done = train_accept_head(model, dump, seed=given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    save(given.out / f"{name}.safetensors", done.network, done.params, note=_note(name, model, dump, given))
    return {"name": name, "seed": given.seed, "cpu_seconds": round(process_time() - begun)} | done.report


def _note(name: str, model: Model, dump: Dump, given: argparse.Namespace) -> dict[str, str]:
    epochs = f" --epochs {given.epochs}" if given.epochs else ""
    command = f"python -m specsim.heads {name} --dump DUMP --out artefacts --seed {given.seed}{epochs}"
    return {"command": command, "dump": str(dump.header["command"]), "target": model.source.sha256}


def _report(
    name: str, recipe: Recipe, given: argparse.Namespace, steps: int, seconds: float, found: Accuracy
) -> dict[str, Any]:
    return {
        "name": name,
        "seed": given.seed,
        "trained": not given.untrained,
        "steps": steps,
        "cpu_seconds": round(seconds),
        "top1": found.hits[:, 0].round(4).tolist(),
        "top1_error": found.hits_error[:, 0].round(4).tolist(),
        "by_rank": [[round(x, 4) for x in row] for row in found.by_rank()],
        "acceptance": found.accepted.round(4).tolist(),
        "acceptance_error": found.accepted_error.round(4).tolist(),
        "chain": round(found.chain, 4),
        "chain_error": round(found.chain_error, 4),
        "positions": found.positions,
        "texts": found.texts,
    }


if __name__ == "__main__":
    raise SystemExit(main())
