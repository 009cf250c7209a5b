"""``specsim dump``: let a model write text, and keep what it knows at every token, for training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, listed, number, one_of, whole
from specsim.commands.progress import Progress, megabytes

if TYPE_CHECKING:
    from specsim.training.dump_plan import DumpPlan

_DOMAINS = ("code", "math", "chat", "summarisation")
_DESCRIPTION = """\
Lets a language model (the target) write text after training prompts, and keeps at every token its final
hidden state, the streams after chosen layers, the normaliser of its law and its likeliest next tokens. All
trainers of drafts, heads and probes read one dump. Prompts that evaluations use are held out. The same
options give the same dump, also after an interruption.

Needs the extra packages of: pip install 'specsim[training]'
"""
_EPILOG = """\
examples:
  specsim dump my-dump --model smollm2-135m --positions 14000 --layers 4,8,12,28
  specsim dump my-dump --model smollm2-135m --positions 14000 --layers 4,8,12,28 --resume
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "dump",
        help="dump a model's own text and hidden states, for training",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("out", metavar="OUT", help="directory of the dump; nothing is overwritten")
    add("--model", metavar="NAME", default="smollm2-135m", help="of the catalogue, or a path (smollm2-135m)")
    add("--positions", metavar="N", type=whole(1), default=12_000, help="tokens to generate in all (12000)")
    add("--tokens", metavar="N", type=whole(1), default=64, help="generated a text, at most (64)")
    add(
        "--temperature",
        metavar="A,B",
        type=listed(number(0)),
        default=(0.7, 1.0),
        help="of the texts in turn (0.7,1)",
    )
    add("--layers", metavar="A,B", type=listed(whole(0)), default=(), help="streams to keep (none)")
    add("--top", metavar="N", type=whole(0), default=64, help="likeliest tokens kept a position (64)")
    add(
        "--domains",
        metavar="A,B",
        type=listed(one_of(_DOMAINS)),
        default=_DOMAINS,
        help=f"prompt domains ({','.join(_DOMAINS)})",
    )
    add("--held-out", metavar="N", type=whole(0), default=16, help="prompts a domain kept out (16)")
    add("--held-out-seed", metavar="N", type=whole(0), default=0, help="which are kept out (0)")
    add("--seed", metavar="N", type=whole(0), default=0, help="order of the prompts, and the text (0)")
    add("--batch", metavar="N", type=whole(1), default=16, help="texts generated at once (16)")
    add("--prompt-file", metavar="FILE", help="JSON lines of your own prompts, in place of the domains")
    add("--resume", action="store_true", help="go on with an interrupted dump of the same options")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Make the dump."""
    if arguments.prompt_file is not None and not Path(arguments.prompt_file).is_file():
        raise UsageError(f"--prompt-file: there is no file {arguments.prompt_file!r}")
    from specsim.training.dump import make_dump

    plan = _plan(arguments)
    with Progress(unit="token", doing="dumping") as progress:
        dump = make_dump(plan, arguments.out, resume=arguments.resume, progress=progress)
    sys.stdout.write(
        f"{dump.generated} generated tokens in {len(dump.texts)} texts, {dump.rows} with their prompts, "
        f"in {arguments.out} ({megabytes(arguments.out):.1f} MB)\n"
    )
    return 0


def _plan(arguments: argparse.Namespace) -> DumpPlan:
    from specsim.training.dump_plan import DumpPlan

    try:
        return DumpPlan(
            model=arguments.model,
            positions=arguments.positions,
            tokens=arguments.tokens,
            temperatures=arguments.temperature,
            layers=tuple(sorted(arguments.layers)),
            top=arguments.top,
            domains=arguments.domains,
            held_out=arguments.held_out,
            held_out_seed=arguments.held_out_seed,
            seed=arguments.seed,
            batch=arguments.batch,
            prompt_file=arguments.prompt_file and Path(arguments.prompt_file),
        )
    except ValueError as error:
        raise UsageError(f"specsim dump: {error}") from None
