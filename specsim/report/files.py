"""The files of a report: tidy tables, figures, and the page."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from specsim.report.evaluation import Evaluation
from specsim.report.page import Picture, Subject, page
from specsim.report.results import Result


def write_report(
    evaluation: Evaluation, results: Sequence[Result], subject: Subject, out: str | Path
) -> list[Path]:
    """Write ``results.csv``, ``positions.csv``, the figures and ``report.html`` into a directory.

    Parameters
    ----------
    evaluation, results
        What :func:`~specsim.report.evaluate` and :func:`~specsim.report.results` gave.
    subject
        What the page says the report is about.
    out
        The directory; made if missing. Files of the same names are replaced.

    Returns
    -------
    list of Path
        The files, in the order above. The same numbers give the same bytes.
    """
    directory = Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    tidy = [directory / "results.csv", directory / "positions.csv"]
    write_csv(tidy[0], (result.tidy() for result in results))
    write_csv(tidy[1], evaluation.positions())
    pictures, drawn = write_figures(evaluation, results, directory)
    html = directory / "report.html"
    html.write_text(page(evaluation, results, subject, pictures), encoding="utf-8", newline="\n")
    return [*tidy, *drawn, html]


def write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Rows of the same keys as CSV: a header line, full precision, NaN as an empty field, lines end in LF."""
    stream: Iterator[dict[str, Any]] = iter(rows)
    first = next(stream)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(first)
        writer.writerows([_field(value) for value in row.values()] for row in chain([first], stream))


def _field(value: Any) -> Any:
    return "" if value != value else value


def write_figures(
    evaluation: Evaluation, results: Sequence[Result], directory: Path
) -> tuple[list[Picture], list[Path]]:
    """All figures as PNG and PDF; those that show several drafts only if some were evaluated."""
    from specsim import plots  # matplotlib takes a second to load

    named = [
        (
            f"acceptance-{draft}",
            plots.acceptance_figure(results, draft=draft),
            f"Acceptance of every rule with the draft '{draft}', against the best possible (black). No rule "
            "can be in the grey area. With one draft, all ways of sampling are the same.",
        )
        for draft in evaluation.drafts
    ]
    if max(evaluation.plan.demand.ks) > 1:
        named += [
            ("gap", plots.gap_figure(results), GAP),
            ("distance", plots.distance_figure(evaluation), TV),
        ]
    pictures, paths = [], []
    for stem, figure, caption in named:
        png, pdf = plots.save(figure, directory / stem)
        pictures.append(Picture(png, caption))
        paths += [png, pdf]
    return pictures, paths


GAP = (
    "Gap to the best possible acceptance. Whiskers are two standard errors for the choice of passages. Rules "
    "that meet their bound (greedy drafts, hub pair, top k) have no gap; sample and match, whose gap is "
    "several times larger, is in the tables."
)
TV = (
    "Dependence on the total variation distance between target and draft: the best possible acceptance "
    "under each drafting law (above), the gaps of the rules (below). A dot is a position of one draft, lines "
    "are means of bins a tenth wide. Gaps without replacement are estimates, so a few dots are under zero."
)
