"""``specsim train``: train a small draft on a dump of its target."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, number, one_of, whole

if TYPE_CHECKING:
    from specsim.training.fastdraft import DraftRecipe

_DIVERGENCES = (
    "hard",
    "soft_cross_entropy",
    "forward_kl",
    "reverse_kl",
    "jensen_shannon",
    "total_variation",
)
_DESCRIPTION = """\
Trains a small stand-alone draft for a target (FastDraft): first on fixed text, then on the target's own
samples of a dump. OUT gets draft.safetensors, curve.csv, curve.png and curve.pdf, and the last checkpoint:
the same command goes on where it was stopped, and ends with the same bytes.

Needs the extra packages of: pip install 'specsim[training]'
"""
_EPILOG = """\
examples:
  specsim dump my-dump --model smollm2-135m --positions 14000
  specsim train my-draft --dump my-dump --model smollm2-135m --seed 0
  specsim train try --dump my-dump --quick
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "train", help="train a small draft on a dump", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    add("out", metavar="OUT", help="directory of the draft and its checkpoint")
    add("--dump", metavar="DIR", required=True, help="a dump of the target")
    add("--model", metavar="NAME", default="smollm2-135m", help="the target of the dump (smollm2-135m)")
    add("--seed", metavar="N", type=whole(0), default=0, help="of everything random (0)")
    add("--pretraining", metavar="N", type=whole(0), help="steps on fixed text")
    add("--finetuning", metavar="N", type=whole(1), help="steps on the target's samples")
    add("--hidden", metavar="N", type=whole(8), help="width of the draft")
    add("--layers", metavar="N", type=whole(1), help="its layers")
    add("--tokens", metavar="N", type=whole(1), help="tokens that it may draft")
    add("--rate", metavar="X", type=number(0, open_low=True), help="largest learning rate")
    add(
        "--divergence",
        metavar="NAME",
        type=one_of(_DIVERGENCES),
        help=f"of fine-tuning: {', '.join(_DIVERGENCES)} (forward_kl)",
    )
    add("--quick", action="store_true", help="a few steps of a tiny draft, to see that all of it runs")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Train, and write what came out."""
    if not Path(arguments.dump).is_dir():
        raise UsageError(f"--dump: there is no directory {arguments.dump!r}; make one by specsim dump")
    from specsim.models import load
    from specsim.training import artefacts, fastdraft
    from specsim.training.dump_files import Dump

    recipe, out = _recipe(arguments), Path(arguments.out)
    dump, model = Dump.open(arguments.dump), load(arguments.model)
    if dump.header["model"]["sha256"] != model.source.sha256:
        raise UsageError(f"--model: {arguments.dump} is a dump of another model than {model.name}")
    student, done, figures = fastdraft.train(
        recipe,
        model=model,
        dump=dump,
        seed=arguments.seed,
        checkpoint=out,
        progress=sys.stderr.isatty(),
    )
    own, about = fastdraft.contents(student, model)
    about |= {"recipe": repr(recipe), "seed": arguments.seed, "dump": dump.header["command"]}
    file = artefacts.save(out / "draft.safetensors", done.params, own=own, about=about)
    _figure(done.curve, out)
    sys.stdout.write(
        f"{file}: {file.stat().st_size / 1e6:.2f} MB; on held-out prompts sum min(p, q) is "
        f"{figures['acceptance']:.3f} at temperature {recipe.temperature:g}\n"
    )
    return 0


def _figure(curve: Any, out: Path) -> None:
    from specsim.plots import save
    from specsim.plots.learning import learning_figure

    names = [name for name in ("accuracy", "acceptance") if name in curve.columns]
    save(learning_figure({"draft": curve}, columns=("loss", *names)), out / "curve")


def _recipe(arguments: argparse.Namespace) -> DraftRecipe:
    from specsim.training.fastdraft import DraftRecipe

    names = ("pretraining", "finetuning", "hidden", "layers", "tokens", "rate", "divergence")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    try:
        return replace(DraftRecipe.quick() if arguments.quick else DraftRecipe(), **given)
    except ValueError as error:
        raise UsageError(f"specsim train: {error}") from None
