"""``specsim compare``: published systems beside each other, on the same prompts, seeds and budget."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, did_you_mean, listed, name, number, whole

if TYPE_CHECKING:
    from specsim.comparing.clocks import Clock
    from specsim.comparing.table import Row
    from specsim.systems import Published

_DESCRIPTION = """\
Runs published systems on one language model with the same prompts, seeds and budget, and sets side by side
what each emits a target call, what its drafts cost, what that would buy on named hardware (a model of time),
how long it took on this machine, and how far a lossy system is from the target's law (exact, on small
worlds). Errors are standard errors over prompts.

A run that was stopped goes on with the same command, and ends in the same result.

target  toy (a small random model: for trying the command out), or a language model's name or path, which
        needs: pip install 'specsim[models]'
"""
_EPILOG = """\
examples:
  specsim compare --target toy --systems plain,speculative,rsd
  specsim compare --target smollm2-135m --systems all --prompts 8 --tokens 48 --out compared
  specsim compare --target qwen2.5-coder-1.5b --draft qwen2.5-coder-0.5b --systems plain,speculative,sequoia
  specsim compare --list
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "compare",
        help="published systems beside each other on a model",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("--target", metavar="NAME", default="smollm2-135m", help="the model (smollm2-135m)")
    add("--draft", metavar="NAME", help="a smaller model with its tokens (the target with layers left out)")
    add("--systems", metavar="A,B", type=listed(name), default=("all",), help="names, or all (all)")
    add("--prompts", metavar="N", type=whole(1), default=4, help="of four domains in turn (4)")
    add("--tokens", metavar="N", type=whole(1), default=32, help="emitted a request, at least (32)")
    add("--seeds", metavar="N", type=whole(1), default=1, help="requests a prompt (1)")
    add("--temperature", metavar="T", type=number(0), default=1.0, help="of target and drafts (1)")
    add("--out", metavar="DIR", default="compared", help="for tables, figures and traces (compared)")
    add("--list", action="store_true", help="list the systems and their claims, and stop")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from specsim.systems import every

    if arguments.list:
        _show_systems(every())
        return 0
    chosen = _chosen(arguments.systems, every())
    out = Path(arguments.out)
    if out.is_file():
        raise UsageError(f"--out {arguments.out!r} is a file; name a directory")
    return _compare(chosen, out, arguments)


def _chosen(names: Sequence[str], systems: Mapping[str, Published]) -> list[Published]:
    if names == ("all",):
        return list(systems.values())
    for word in names:
        if word not in systems:
            hint = did_you_mean(word, systems)
            raise UsageError(f"--systems: there is no system {word!r}{hint}; there are: {', '.join(systems)}")
    return [systems[word] for word in names]


def _compare(chosen: Sequence[Published], out: Path, arguments: argparse.Namespace) -> int:
    from specsim.comparing import benches, running, table, worlds

    ground = benches.ground(
        arguments.target,
        draft=arguments.draft,
        count=arguments.prompts,
        temperature=arguments.temperature,
    )
    made, refused = benches.make(chosen, ground.bench)
    if refused and arguments.systems != ("all",):
        raise UsageError("; ".join(f"{name} can't be made: {reason}" for name, reason in refused.items()))
    for name_, reason in refused.items():
        sys.stderr.write(f"left out: {name_}: {reason}\n")
    systems = [published for published in chosen if published.name in made]
    clocks = _clocks(ground.bench.model, out)
    with _Bar() as progress:
        results = running.run(
            systems,
            ground.bench,
            ground.prompts,
            seeds=range(arguments.seeds),
            max_new_tokens=arguments.tokens,
            ledger=out / "requests.jsonl",
            end_tokens=ground.end_tokens,
            progress=progress,
        )
    rows = table.rows_of(
        results, systems, ground.bench, clocks=clocks, distortions=worlds.distortions(systems)
    )
    _write(rows, refused, out)
    from specsim.commands.output import console

    console().print(table.console_table(rows))
    console().print(f"\ntables, figures and traces are in {out}")
    return 0


def _clocks(model: Any, out: Path) -> list[Clock]:
    """Named hardware, and this machine: measured once a directory, so that a resumed run has the same."""
    from specsim.comparing import Ledger
    from specsim.comparing.clocks import clock_of, cpu_clock, hardware_clocks

    def measured() -> list[float]:
        clock, _ = cpu_clock(model)
        cost: Any = clock.target
        return [cost.base, cost.per_token, cost.per_cached]

    book = Ledger(out / "clock.jsonl", settings={"model": f"{model.name} {model.source.sha256}"})
    return [*hardware_clocks(model), clock_of("this CPU", book.get_or("this CPU", measured))]


def _write(rows: Sequence[Row], refused: Mapping[str, str], out: Path) -> None:
    from specsim.comparing import figures, table

    (out / "table.csv").write_text(table.csv_text(rows), encoding="utf-8")
    left_out = "".join(f"- {name_}: {reason}\n" for name_, reason in refused.items())
    notes = f"\nLeft out:\n\n{left_out}" if refused else ""
    (out / "table.md").write_text(table.markdown(rows) + notes, encoding="utf-8")
    figures.draw_all(rows, out)


def _show_systems(systems: Mapping[str, Published]) -> None:
    from rich.table import Table

    listing = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("system", "lossless", "claim", "source"):
        listing.add_column(heading)
    for published in systems.values():
        lossless = "yes" if published.lossless else "no"
        listing.add_row(published.name, lossless, published.claim, published.source)
    from specsim.commands.output import console

    console().print(listing)


class _Bar:
    """A progress bar over requests on a terminal, nothing elsewhere."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self.bar = tqdm(unit="request", file=sys.stderr, disable=None, leave=False)

    def __enter__(self) -> Any:
        return self._update

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def _update(self, system: str, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.set_description(system, refresh=False)
        self.bar.update(done - self.bar.n)
