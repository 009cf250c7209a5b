"""A pytest plugin: the fixture ``audit`` and the marker ``lossless``.

.. code-block:: python

    def test_my_rule(audit):
        audit(MyRule(), vocabulary=4)

    @pytest.mark.lossless(vocabulary=3, drafts=(1, 2))
    def test_my_other_rule():
        return MyOtherRule()

A marked test returns the rule; the marker's options are those of :func:`specsim.testing.assert_lossless`.
Either fails with the counterexample and its explanation. A line a rule is printed after the run with
``-v``.

Nothing of the harness is imported before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from specsim.testing import Verdict

_VERDICTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "lossless(**options): audit the verification rule that the test returns; "
        "options are those of specsim.testing.assert_lossless",
    )
    config.stash[_VERDICTS] = []


@pytest.fixture
def audit(request: pytest.FixtureRequest) -> Callable[..., Verdict]:
    """``specsim.testing.assert_lossless``: fails unless a verification rule is lossless on all examples."""
    config = request.config

    def call(rule: Any, **options: Any) -> Verdict:
        return _audited(config, rule, options)

    return call


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test and audit the rule that it returns."""
    marker = pyfuncitem.get_closest_marker("lossless")
    if marker is None:
        return None
    if marker.args:
        raise pytest.UsageError(
            "the marker lossless takes options by name only, such as lossless(vocabulary=4)"
        )
    names = pyfuncitem._fixtureinfo.argnames
    rule = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if rule is None:
        pytest.fail(
            f"{pyfuncitem.name} is marked lossless, so it has to return the rule; it returned None",
            pytrace=False,
        )
    _audited(pyfuncitem.config, rule, dict(marker.kwargs))
    return True


def _audited(config: pytest.Config, rule: Any, options: dict[str, Any]) -> Verdict:
    from specsim.testing import AuditFailure, assert_lossless

    # the explanation is the failure; frames of the harness would hide it
    __tracebackhide__ = True
    try:
        verdict = assert_lossless(rule, **options)
    except AuditFailure as failure:
        config.stash[_VERDICTS].append(_line(failure.verdict))
        pytest.fail(str(failure), pytrace=False)
    config.stash[_VERDICTS].append(_line(verdict))
    return verdict


def _line(verdict: Verdict) -> str:
    return f"{verdict.rule}: {verdict.status} ({verdict.examples} examples, {verdict.seconds:.1f} s)"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line a rule, with ``-v``."""
    lines = config.stash.get(_VERDICTS, [])
    if lines and config.get_verbosity() > 0:
        terminalreporter.section("audited rules")
        for line in lines:
            terminalreporter.line(line)
