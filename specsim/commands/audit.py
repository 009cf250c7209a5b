"""``specsim audit``: whether a verification rule is lossless."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsim.commands.parsing import Parser, UsageError, listed, one_of, whole

if TYPE_CHECKING:
    from specsim.testing import Verdict

_KINDS = ("auto", "single-draft", "multi-draft", "tree", "sampler")
_LAWS = ("iid", "without-replacement", "point", "top-k-plus-sample", "hub-pair", "independent", "all")
_DESCRIPTION = """\
Examines a verification rule on adversarial examples of target and draft: zeros, ties, p equal or nearly equal
to q, disjoint supports, context-dependent models for trees. Rules written against `chance` are compared as
fractions; functions that own their randomness are driven through a controlled generator, or, where that can't
be done, sampled. A rule that is wrong is refuted with the smallest example that was found, step by step.

RULE is package.module:name (the current directory is searched first): a coupling, a walk, a class or function
that makes one, or a function
    f(p, drafts, law, chance) -> token                  f(tree, target, chance) -> tokens
    f(p, q, token, rng) -> token                        f(p, q, tokens, rng) -> token
    f(target_rows, draft_rows, tokens, rng) -> tokens   the same with parents, for trees
"""
_EPILOG = """\
exit status:
  0  lossless on everything examined (the verdict says what that was)
  1  refuted
  2  the command line is wrong, or the rule could not be examined

examples:
  specsim audit theory.couplings:Recursive --drafts 1,2,3
  specsim audit mypackage.verify:accept --law without-replacement --drafts 2
  specsim audit mypackage.verify:accept --kind single-draft --json --html verdict.html
"""


def add_to(commands: Any) -> Parser:
    """Declare the command."""
    parser: Parser = commands.add_parser(
        "audit", help="is a verification rule lossless?", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    add("rule", metavar="RULE", help="package.module:name")
    add(
        "--kind",
        metavar="KIND",
        type=one_of(_KINDS),
        default="auto",
        help=f"{', '.join(_KINDS)}; default auto",
    )
    add("--vocabulary", metavar="V", type=whole(2), default=3, help="tokens; default 3")
    add("--drafts", metavar="K", type=listed(whole(1)), help="numbers of drafts, such as 2 or 1,2")
    add("--law", metavar="LAW", type=listed(one_of(_LAWS)), help=f"how drafts are drawn: {', '.join(_LAWS)}")
    add("--depth", metavar="D", type=whole(1), default=2, help="depth of drafted trees; default 2")
    add("--examples", metavar="N", type=whole(1), help="examples of each law or shape; default by the form")
    add("--rounds", metavar="R", type=whole(1), default=1, help="rounds for trees; default 1")
    add("--seed", metavar="S", type=whole(0), default=0, help="seed of the examples; default 0")
    add("--samples", metavar="N", type=whole(1000), help="samples, where the rule has to be sampled")
    add("--strict", action="store_true", help="warnings refute, too")
    add("--prove", action="store_true", help="prove it for all p and q of the size, too")
    add("--json", action="store_true", help="print the verdict as JSON")
    add("--html", metavar="FILE", help="write the verdict as a page to a new file")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Import the rule, audit it, print the verdict."""
    if find_spec("hypothesis") is None:
        raise UsageError("specsim audit needs hypothesis: pip install 'specsim[proofs]'")
    page = arguments.html and Path(arguments.html)
    if page and (page.exists() or not page.parent.is_dir()):
        what = "exists already" if page.exists() else "is in a directory that does not exist"
        raise UsageError(f"--html {str(page)!r} {what}; name a new file")
    verdict = _verdict(_imported(arguments.rule), arguments)
    if verdict.lossless is None and not arguments.json:
        raise UsageError(f"{verdict.rule} could not be examined: {verdict.reason}")
    if page:
        page.write_text(verdict.to_html(), encoding="utf-8")
    sys.stdout.write((verdict.to_json() if arguments.json else str(verdict)) + "\n")
    return {True: 0, False: 1, None: 2}[verdict.lossless]


def _verdict(rule: Any, arguments: argparse.Namespace) -> Verdict:
    from specsim.testing import Budget, UnknownForm, audit

    law = arguments.law
    budget = Budget() if arguments.samples is None else Budget.of_samples(arguments.samples)
    try:
        return audit(
            rule,
            kind=arguments.kind,
            name=arguments.rule,
            vocabulary=arguments.vocabulary,
            drafts=arguments.drafts,
            laws="all" if law and "all" in law else law,
            depth=arguments.depth,
            examples=arguments.examples,
            rounds=arguments.rounds,
            seed=arguments.seed,
            strict=arguments.strict,
            prove=arguments.prove,
            budget=budget,
        )
    except UnknownForm as error:
        raise UsageError(str(error)) from None


def _imported(text: str) -> Any:
    """The object that ``package.module:name`` names; the current directory is searched first."""
    module_name, colon, path = text.partition(":")
    if not colon or not module_name or not path:
        raise UsageError(f"{text!r} is not package.module:name; such as theory.couplings:Recursive")
    found: Any = _module(module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{module_name} has no {path!r}; its public names: {_names(found)}")
        found = getattr(found, part)
    return found


def _module(name: str) -> Any:
    from importlib import import_module

    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(f"there is no module {name!r}, here or installed") from None
        raise UsageError(
            f"{name} can't be imported: it needs {error.name!r}, which is not installed"
        ) from None
    except Exception as error:
        raise UsageError(f"{name} can't be imported: {type(error).__name__}: {error}") from None


def _names(module: Any) -> str:
    names = [name for name in vars(module) if not name.startswith("_")]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
