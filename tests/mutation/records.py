"""The campaign's data files: what became of each mutant, and which mutants are proved equivalent.

``results.json`` groups the names of mutants by verdict and by the test that killed them. A name there ends in
a digest of the change, so that a result is never taken for that of another mutant.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.mutation.mutants import Mutant

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
EQUIVALENTS = HERE / "equivalents.toml"
#: Where a running campaign writes a line for each mutant.
LOG = Path(tempfile.gettempdir()) / "specsim-mutation.jsonl"

Row = dict[str, Any]


def digest(change: str) -> str:
    """Eight hexadecimal digits of a change."""
    return hashlib.sha256(change.encode()).hexdigest()[:8]


def key(mutant: Mutant) -> str:
    """A mutant's name with the digest of its change."""
    return f"{mutant.name}#{digest(mutant.change)}"


def results(path: Path = RESULTS) -> dict[str, Row]:
    """The kept verdicts, by key."""
    if not path.exists():
        return {}
    found: dict[str, Row] = {}
    for status, by_test in json.loads(path.read_text()).items():
        for test, keys in by_test.items():
            found |= {name: {"status": status, "test": test} for name in keys}
    return found


def logged(path: Path = LOG) -> dict[str, Row]:
    """The last verdict of each mutant in a log, by key."""
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return {f"{row['mutant']}#{digest(row['change'])}": row for row in rows}


def keep(mutants: Iterable[Mutant], log: Path = LOG, path: Path = RESULTS) -> int:
    """Write the log's verdicts on these mutants over the kept ones; those of other mutants are dropped."""
    known = results(path) | logged(log)
    table: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    skipped = equivalents()
    count = 0
    for mutant in mutants:
        row = known.get(key(mutant))
        if row and mutant.name not in skipped:
            table[row["status"]][row["test"]].append(key(mutant))
            count += 1
    path.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n")
    return count


def equivalents(path: Path = EQUIVALENTS) -> dict[str, dict[str, str]]:
    """Mutants that change nothing that a test could see, each with its change and the reason."""
    if not path.exists():
        return {}
    listed = tomllib.loads(path.read_text()).get("equivalent", [])
    return {row["mutant"]: row for row in listed}
