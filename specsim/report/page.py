"""The report as one HTML page that needs no other file and no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from specsim.report.console import fewer_drafts_text, headline
from specsim.report.evaluation import Evaluation
from specsim.report.methods import LAW_TITLES
from specsim.report.results import ALL, Result
from specsim.report.tables import KEY, tables
from specsim.sources.traces import Header


@dataclass(frozen=True)
class Subject:
    """What a report is about: the trace's name and header, notes on it, and the report's command."""

    name: str
    header: Header
    notes: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its PNG file and what it shows."""

    path: Path
    caption: str

    @property
    def data(self) -> str:
        """The file in base64."""
        return base64.b64encode(self.path.read_bytes()).decode("ascii")


def page(
    evaluation: Evaluation, results: Sequence[Result], subject: Subject, figures: Sequence[Picture]
) -> str:
    """The page's HTML; the same input gives the same text."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("specsim.report").joinpath("page.html.j2").read_text("utf-8"))
    domains = [d for d in evaluation.domains if d != ALL] if len(evaluation.domains) > 1 else []
    return template.render(
        title=f"Acceptance on the trace {subject.name}",
        evaluation=evaluation,
        plan=evaluation.plan,
        passages=len(np.unique(evaluation.places.passage)),
        name=subject.name,
        header=subject.header,
        notes=subject.notes,
        command=subject.command,
        figures=figures,
        tables=tables(results),
        domain_tables=[table for domain in domains for table in tables(results, domain=domain)],
        key=KEY,
        headline=headline,
        fewer_drafts_text=fewer_drafts_text,
        law_titles=LAW_TITLES,
        version=_version(),
    )


def _version() -> str:
    try:
        return version("specsim")
    except PackageNotFoundError:
        return "(not installed)"
