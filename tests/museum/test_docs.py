"""The tables of docs/museum.md are those of the files; every exhibit is tested in both directions."""

from __future__ import annotations

import importlib

from tests.museum.museum import DOCS, Claim, Exhibit, collection, documented, table


def test_the_tables_are_in_step():
    assert documented() == table(), "run: python -m tests.museum.museum"


def test_every_exhibit_is_caught_and_mended():
    for file, item in collection():
        module = importlib.import_module(f"tests.museum.{file.removesuffix('.py')}")
        if isinstance(item, Exhibit):
            assert {"test_broken", "test_mended"} <= set(vars(module)), file
        assert module.__doc__


def test_threads_are_cited():
    for _, item in collection():
        threads = item.threads if isinstance(item, Exhibit) else (item.thread,)
        assert all("/" in thread and ("#" in thread or "(" in thread) for thread in threads)


def test_the_collection_is_large_enough_to_be_one():
    kinds = [type(item) for _, item in collection()]
    assert kinds.count(Exhibit) >= 24
    assert kinds.count(Claim) >= 8


def test_what_can_not_be_shown_is_listed_with_a_reason():
    text = DOCS.read_text(encoding="utf-8")
    assert "## Not in the museum" in text
