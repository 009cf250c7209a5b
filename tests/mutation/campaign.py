"""The campaign: one pytest session, one forked child for each mutant.

The session collects the tests once. A first child runs them all with every statement of the mutated modules
marked, which says *which tests reach which statement, and how long they take*. Then each mutant is made in a
child of its own: the changed module is executed beside the real one and the code of its functions, their
defaults and the plain attributes of its classes are put into the objects that are already imported. So the
working tree is never written to, nothing is imported twice, and a mutant costs little more than the tests
that decide on it: those that reach its statement, the recent killers of its function first, then the fast.

What was made at collection (parameters of tests, objects built with defaults) was made by the real code; that
can only hide a mutant, never kill one that is equivalent.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import pytest

from tests.mutation.mutants import THEORY, Mutant, modules, syntax

_MEMORY = 6 * 2**30
_MARK = "_mutation_reached"


# --- putting changed code into imported modules ------------------------------------------------------


def _imported(module: str) -> str:
    return "theory." + module.removesuffix(".py").replace("/", ".")


def graft(module: str, tree: ast.Module, more: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Give the imported module the behaviour of another syntax tree of it, and more global names."""
    name = _imported(module)
    real = sys.modules[name]
    other = ModuleType(name)
    other.__file__ = real.__file__
    other.__dict__.update(more)
    real.__dict__.update(more)
    code = compile(tree, str(THEORY / module), "exec", dont_inherit=True)
    exec(code, other.__dict__)
    _graft_names(real.__dict__, other.__dict__, owner=name, put=partial(setattr, real))


def _graft_names(
    real: Any, other: Any, *, owner: str, put: Callable[[str, Any], None], inside: bool = False
) -> None:
    for key, value in list(other.items()):
        if key not in real or (key.startswith("__") and not _function(value)):
            continue
        mine, theirs = _function(real[key]), _function(value)
        if mine and theirs:
            if mine.__module__ == owner and mine.__code__ != theirs.__code__:
                mine.__code__ = theirs.__code__
            if mine.__module__ == owner:
                mine.__defaults__, mine.__kwdefaults__ = theirs.__defaults__, theirs.__kwdefaults__
        elif isinstance(value, type):
            if value.__module__ == owner and not inside:
                cls = real[key]
                _graft_names(
                    dict(vars(cls)),
                    dict(vars(value)),
                    owner=owner,
                    put=partial(type.__setattr__, cls),
                    inside=True,
                )
        elif _is_plain(value) and (real[key] != value or type(real[key]) is not type(value)):
            put(key, value)


def _is_plain(value: Any) -> bool:
    plain = isinstance(value, bool | int | float | str | tuple | set | frozenset | dict)
    return plain or (hasattr(value, "numerator") and hasattr(value, "denominator"))


def _function(value: Any) -> FunctionType | None:
    """The plain function inside of a method, property or decorated function."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, cached_property):
        value = value.func
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value if isinstance(value, FunctionType) else None


# --- which test reaches which statement --------------------------------------------------------------


class _Marked(ast.NodeTransformer):
    """Puts a mark with its line before every statement of a function."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef):
            return node
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list) and statements and isinstance(statements[0], ast.stmt):
                setattr(node, name, [new for old in statements for new in (_mark(old), old)])
        return node


def _mark(statement: ast.stmt) -> ast.stmt:
    call = ast.parse(f"{_MARK}({statement.lineno})").body[0]
    for node in ast.walk(call):
        ast.copy_location(node, statement)
    return call


def mark(reached: dict[str, set[int]]) -> None:
    """Let every imported module under mutation note the lines that it reaches."""
    for module in modules():
        if _imported(module) in sys.modules:
            tree = _Marked().visit(ast.parse((THEORY / module).read_text()))
            graft(module, ast.fix_missing_locations(tree), {_MARK: reached[module].add})


@dataclass
class Reach:
    """Seconds of each passing test, and the lines that it reaches in each module."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    @cached_property
    def tests_of(self) -> dict[tuple[str, int], list[str]]:
        """Tests by module and line."""
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        for test, by_module in self.lines.items():
            for module, lines in by_module.items():
                for line in lines:
                    found[module, line].append(test)
        return found

    def candidates(self, mutant: Mutant) -> list[str]:
        """The tests that can decide on a mutant: those that reach its statement.

        What runs at import (defaults, attributes of classes) counts as reached by tests of the module, and
        by those that reach no statement at all: they look at attributes.
        """
        tests = self.tests_of.get((mutant.module, mutant.line), [])
        if tests:
            return tests
        if mutant.line in _import_lines(mutant.module):
            return [
                test
                for test, by_module in self.lines.items()
                if by_module.get(mutant.module) or not by_module
            ]
        return []


def _import_lines(module: str) -> set[int]:
    """First lines of the statements that run at import, functions' own lines included (their defaults)."""
    found: set[int] = set()
    pending: list[ast.AST] = [syntax(module)]
    while pending:
        node = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                found.add(child.lineno)
                if isinstance(child, ast.ClassDef):
                    pending.append(child)
    return found


# --- children ----------------------------------------------------------------------------------------


class _Reports:
    """Hears whether the tests of a child fail."""

    def __init__(self) -> None:
        self.failed: str = ""
        self.skipped = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.skipped = self.skipped or report.skipped
        if report.failed and not self.failed:
            lines = str(report.longrepr or report.when).strip().splitlines()
            self.failed = lines[-1][:160] if lines else report.when


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: ``killed``, ``timeout`` or ``survived``; by which test, after how many."""

    status: str
    test: str
    ran: int
    reaching: int
    seconds: float


class Runner:
    """Runs tests of a collected session in forked children."""

    def __init__(self, session: pytest.Session) -> None:
        self.items = {item.nodeid: item for item in session.items}
        self.config = session.config

    def measure(self, known: Reach | None = None) -> Reach:
        """Seconds and reached lines of every test that passes; what is known is not measured again."""
        reach = known or Reach()
        names = [name for name in self.items if name not in reach.seconds]
        for message in self._child(partial(self._measuring, names), None) if names else ():
            reach.seconds[message["test"]] = message["seconds"]
            reach.lines[message["test"]] = message["lines"]
        return reach

    def _measuring(self, names: list[str], tell: Callable[[Any], None]) -> None:
        reached: dict[str, set[int]] = defaultdict(set)
        mark(reached)
        for name in names:
            for lines in reached.values():
                lines.clear()
            start = time.process_time()
            reports = self._run(name)
            seconds = time.process_time() - start
            if not reports.failed and not reports.skipped:
                lines_of = {module: sorted(lines) for module, lines in reached.items() if lines}
                tell({"test": name, "seconds": round(seconds, 4), "lines": lines_of})
            elif reports.failed:
                print("fails without a mutant:", name, reports.failed, file=sys.__stderr__)

    def decide(self, module: str, tree: Callable[[], ast.Module], tests: list[str], reach: Reach) -> Verdict:
        """Run tests against a changed module until one fails."""

        def judging(tell: Callable[[Any], None]) -> None:
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            _limit(20.0)
            try:
                graft(module, tree())
            except Exception as error:  # the module can't even be imported
                tell({"test": "import", "failed": repr(error)[:160]})
                return
            for name in tests:
                tell({"test": name})
                _limit(1.0 + 15 * reach.seconds[name])
                reports = self._run(name)
                if reports.failed:
                    tell({"test": name, "failed": reports.failed})
                    return
            tell({"test": "", "passed": True})

        start = time.monotonic()
        messages = list(self._child(judging, 900.0))
        seconds = round(time.monotonic() - start, 2)
        ran = sum(1 for message in messages if "failed" not in message and "passed" not in message)
        last = messages[-1] if messages else {"test": "import"}
        status = "killed" if "failed" in last else "survived" if "passed" in last else "timeout"
        return Verdict(status, last["test"], ran, len(tests), seconds)

    def _run(self, name: str) -> _Reports:
        reports = _Reports()
        self.config.pluginmanager.register(reports)
        try:
            self.items[name].ihook.pytest_runtest_protocol(item=self.items[name], nextitem=None)
        finally:
            self.config.pluginmanager.unregister(reports)
        return reports

    def _child(self, work: Callable[[Callable[[Any], None]], None], limit: float | None) -> Iterator[Any]:
        receiver, sender = os.pipe()
        pid = os.fork()
        if pid == 0:
            _in_child(work, receiver, sender)
        os.close(sender)
        try:
            yield from _lines(receiver, limit)
        finally:
            os.close(receiver)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _in_child(work: Callable[[Callable[[Any], None]], None], receiver: int, sender: int) -> None:
    try:
        os.close(receiver)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        pipe = os.fdopen(sender, "w", buffering=1)
        work(lambda message: pipe.write(json.dumps(message) + "\n") and None)
        pipe.flush()
    except BaseException as error:
        print("child:", repr(error)[:300], file=sys.__stderr__)
    finally:
        os._exit(0)


def _limit(seconds: float) -> None:
    """End this process after so many more seconds of CPU time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _lines(receiver: int, limit: float | None) -> Iterator[Any]:
    """Messages until the child closes its end or the time is over."""
    buffer = b""
    end = None if limit is None else time.monotonic() + limit
    while True:
        rest = None if end is None else max(0.0, end - time.monotonic())
        if not select.select([receiver], [], [], rest)[0]:
            return
        chunk = os.read(receiver, 65536)
        if not chunk:
            return
        *whole, buffer = (buffer + chunk).split(b"\n")
        yield from (json.loads(line) for line in whole)


# --- the plugin --------------------------------------------------------------------------------------


class Campaign:
    """A pytest plugin that runs mutants instead of the collected tests."""

    def __init__(self, loop: Callable[[Runner], None]) -> None:
        self.loop = loop

    def pytest_sessionstart(self) -> None:
        """Hypothesis stops at the first failing example and doesn't shrink it."""
        from hypothesis import Phase, settings  # after pytest has prepared its import

        settings.register_profile(
            "mutation",
            settings.get_profile("default"),
            phases=(Phase.explicit, Phase.generate),
            report_multiple_bugs=False,
        )
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All the work."""
        if session.testsfailed:
            raise session.Interrupted("errors during collection")
        gc.collect()
        gc.freeze()
        self.loop(Runner(session))
        return True


def run_session(arguments: Iterable[str], loop: Callable[[Runner], None]) -> int:
    """Collect tests and hand a :class:`Runner` of them to the loop; pytest's exit code."""
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler", "-q", "-s", "--tb=line"]
    return int(pytest.main([*options, *arguments], plugins=[Campaign(loop)]))


def order(tests: list[str], reach: Reach, killers: Counter[str]) -> list[str]:
    """Recent killers first, then the fast tests."""
    return sorted(tests, key=lambda test: (-killers[test], reach.seconds[test]))


def within(tests: list[str], reach: Reach, budget: float) -> list[str]:
    """The first tests whose seconds stay within a budget; at least one."""
    chosen, spent = [], 0.0
    for test in tests:
        spent += reach.seconds[test]
        if chosen and spent > budget:
            break
        chosen.append(test)
    return chosen


def load_reach(path: Path) -> Reach | None:
    """A measurement kept by :func:`save_reach`."""
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    return Reach(kept["seconds"], kept["lines"])


def save_reach(reach: Reach, path: Path) -> None:
    """Keep a measurement."""
    path.write_text(json.dumps({"seconds": reach.seconds, "lines": reach.lines}))
