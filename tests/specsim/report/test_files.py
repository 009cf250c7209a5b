"""Tables, CSV files, figures and the page."""

from __future__ import annotations

import csv
import math
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from specsim import plots
from specsim.report import Demand, Plan, Subject, evaluate, results, write_report
from specsim.report.console import print_audit, print_tables
from specsim.report.tables import tables


@pytest.fixture(scope="module")
def subject(trace) -> Subject:
    return Subject("made-up", trace.header, ("it is <made> up",), "specsim report made-up")


@pytest.fixture(scope="module")
def small(trace):
    """One draft, so that there are few figures to draw."""
    return evaluate(trace, Plan(demand=Demand((1, 2, 8), samples=4), drafts=("far",)))


@pytest.fixture(scope="module")
def written(small, subject, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out") / "deep" / "report"
    files = write_report(small, results(small), subject, out)
    assert {path.name for path in files} == {path.name for path in out.iterdir()}
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_results_csv(written, small):
    rows = rows_of(written / "results.csv")
    found = results(small)
    assert len(rows) == len(found)
    for row, result in zip(rows, found, strict=True):
        assert float(row["value"]) == result.acceptance.value
        assert float(row["gap"]) == result.gap.value
        assert (row["kind"], row["law"], int(row["k"])) == (
            result.acceptance.kind,
            result.method.law,
            result.method.k,
        )
        # what is not known is left empty, not written as a number
        assert (row["lower"] == "") == math.isnan(result.acceptance.lower)
    assert {row["domain"] for row in rows} == {"all", "code", "chat"}


def test_positions_csv(written, small):
    rows = rows_of(written / "positions.csv")
    assert len(rows) == small.cells.size
    means = {}
    for row in rows:
        key = (row["temperature"], row["law"], row["rule"], row["k"])
        means.setdefault(key, []).append(float(row["value"]))
    for row in rows_of(written / "results.csv"):
        if row["domain"] == "all":
            values = means[row["temperature"], row["law"], row["rule"], row["k"]]
            assert sum(values) / len(values) == pytest.approx(float(row["value"]), abs=1e-12)
    first = rows[0]
    assert (first["row"], first["domain"], first["passage"], first["position"]) == ("0", "code", "0", "2")
    assert int(first["draft_support"]) == 5


def test_figures_are_there(written):
    names = {"acceptance-far", "gap", "distance"}
    assert {path.stem for path in written.glob("*.png")} == names == {p.stem for p in written.glob("*.pdf")}
    for path in [*written.glob("*.png"), *written.glob("*.pdf")]:
        data = path.read_bytes()
        assert len(data) > 5_000
        assert data.startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")
        assert not re.search(rb"CreationDate|matplotlib", data, re.IGNORECASE)


class _Loads(HTMLParser):
    """Everything that a page would load, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        assert tag not in ("script", "link", "iframe")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    page = _Loads()
    page.feed(text)
    assert page.open == []
    assert len(page.loaded) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.loaded)
    assert not re.search(r"url\(|@import|https?://", text)


def test_the_page_says_what_it_must(written, small):
    text = (written / "report.html").read_text(encoding="utf-8")
    for part in ("made-up", "24 positions of 6 passages", "specsim report made-up", "specsim record OUT"):
        assert part in text, part
    assert "it is &lt;made&gt; up" in text
    assert "none &lt;needed&gt;" in text
    assert "fewer than k tokens" in text.replace("\n", " ")
    for tally in small.audit.certificates.values():
        assert f"{tally.checked:,} of {tally.total:,}" in text
    # every entry of the overall tables, with its mark
    for table in tables(results(small)):
        for entry in table.entries():
            assert entry.acceptance.replace("<", "&lt;") in text


def test_two_runs_give_the_same_bytes(written, small, subject, tmp_path):
    write_report(small, results(small), subject, tmp_path)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_one_number_of_drafts_is_enough(trace, subject, tmp_path):
    plan = Plan(demand=Demand((1,)), temperatures=(1.0,), drafts=("near",), limit=3)
    found = evaluate(trace, plan)
    files = write_report(found, results(found), subject, tmp_path)
    assert "gap.png" not in {path.name for path in files}
    with pytest.raises(ValueError, match="at least 2"):
        plots.distance_figure(found)


def test_tables_in_a_terminal(small, evaluation):
    for width in (80, 120):
        stream = StringIO()
        print_tables(Console(file=stream, width=width), tables(results(small)))
        print_audit(Console(file=stream, width=width), small.audit)
        text = stream.getvalue()
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
        for word in ("K-SEQ (SpecTr)", "recursive (RSD)", "SpecHub", "best possible", "±", "["):
            assert word in text
        for table in tables(results(small)):
            assert all(entry.acceptance in text and entry.gap in text for entry in table.entries())
    assert len(tables(results(evaluation))) == 4
    assert tables(results(evaluation), domain="chat")[0].positions == 12


def test_marks(small):
    (table, _) = tables(results(small))
    groups = {group.title: group for group in table.groups}
    race = {line.title: line for line in groups["Without replacement"].lines}
    assert re.fullmatch(r"0\.\d{4}", race["recursive (RSD)"].entries[2].acceptance)
    assert re.fullmatch(r"0\.\d{4} ± <?0\.\d{4}", race["recursive (RSD)"].entries[8].acceptance)
    assert re.fullmatch(r"\[[01]\.\d{4}\]", race["best possible"].entries[8].acceptance)
    assert race["best possible"].entries[8].gap == ""
    assert [line.is_bound for line in groups["Hub pair"].lines] == [False, True]
