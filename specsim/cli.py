"""The command line. Subcommands are in :mod:`specsim.commands`; what they need is loaded when they run.

Exit status: 0 done; 1 the data or the machine did not allow it; 2 the command line was wrong. Either
failure is one sentence on stderr; with ``SPECSIM_DEBUG=1`` there is a traceback instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from specsim.commands.parsing import Parser, UsageError, did_you_mean

#: Subcommands and their modules, in the order of the help.
COMMANDS = {
    "report": "specsim.commands.report",
    "bound": "specsim.commands.bound",
    "tree": "specsim.commands.tree",
    "length": "specsim.commands.length",
    "audit": "specsim.commands.audit",
    "serve": "specsim.commands.serve",
    "compare": "specsim.commands.compare",
    "trace": "specsim.commands.trace",
    "record": "specsim.commands.record",
    "dump": "specsim.commands.dump",
    "train": "specsim.commands.train",
}

_EPILOG = """\
examples:
  specsim report traces/smollm2-135m
      the acceptance table of a recorded trace, with figures and a page in report/
  specsim bound pair.npz --law iid --drafts 4
      the best possible acceptance for one target p and draft q
  specsim tree --profile accepted.json --budget 64
      the optimal draft tree for given acceptance probabilities, and what the trees in use give away
  specsim length --acceptance 0.8 --draft-time 0.1 --target-time 1
      how many tokens to draft, and what it buys
  specsim audit theory.couplings:Recursive
      whether a verification rule is lossless; the smallest counterexample if it is not
  specsim serve --rate 1,4,16,64
      when drafts help under load
  specsim compare --target smollm2-135m --systems all
      published systems beside each other on a language model (needs: pip install 'specsim[models]')
  specsim trace traces/smollm2-135m
      what a trace holds, and whether its files are sound
  specsim record my-trace --model smollm2-135m --domains code,chat
      record a trace from a language model (needs: pip install 'specsim[models]')
  specsim dump my-dump --model smollm2-135m --positions 14000
      the model's own text and hidden states, for training drafts and heads
  specsim train my-draft --dump my-dump
      train a small draft on them (needs: pip install 'specsim[training]')

Each command explains itself: specsim report --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments after the program's name; those of the process if None.

    Returns
    -------
    int
        The exit status.
    """
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _failed(error, str(error), 2)
    except BrokenPipeError:
        # whoever read our output has gone; so that the interpreter's last flush doesn't complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as error:
        return _failed(error, "interrupted", 130)
    except Exception as error:
        return _failed(error, _sentence(error), 1)


def _failed(error: BaseException, message: str, status: int) -> int:
    if os.environ.get("SPECSIM_DEBUG") == "1" and status != 130:
        raise error
    sentence = " ".join(message.split())
    sys.stderr.write(sentence if sentence.startswith("specsim") else f"specsim: {sentence}")
    sys.stderr.write("\n")
    return status


def _sentence(error: Exception) -> str:
    """What went wrong, as the error says it; the kind of error where that is no message for people."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    if isinstance(error, (ValueError, ArithmeticError, OSError, RuntimeError, ModuleNotFoundError)) and str(
        error
    ):
        return str(error)
    return f"this is an error in specsim ({type(error).__name__}: {error}); SPECSIM_DEBUG=1 shows where"


def _run(argv: list[str]) -> int:
    parser = _parser()
    if not argv:
        raise UsageError("say what to do: one of " + ", ".join(COMMANDS) + "; see `specsim --help`")
    if argv[0].startswith("-") and argv[0] not in ("-h", *parser.options):
        raise UsageError(_unknown(parser, "", argv))
    if not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise UsageError(
            f"there is no command {argv[0]!r}{did_you_mean(argv[0], COMMANDS)}; see `specsim --help`"
        )
    arguments, left_over = parser.parse_known_args(argv)
    if left_over:
        raise UsageError(_unknown(parser, argv[0], left_over))
    status: int = arguments.run(arguments)
    return status


def _unknown(parser: Parser, command: str, left_over: list[str]) -> str:
    """A sentence about the first argument that nothing takes."""
    options = [word for word in left_over if word.startswith("-")]
    program = f"specsim {command}" if command in COMMANDS else "specsim"
    if not options:
        return f"{program} takes no argument {left_over[0]!r}; see `{program} --help`"
    option = options[0].partition("=")[0]
    known = parser.subparsers[command].options if command in COMMANDS else parser.options
    return f"{program} has no option {option!r}{did_you_mean(option, known)}; see `{program} --help`"


def _parser() -> Parser:
    parser = Parser(
        prog="specsim",
        description="Speculative decoding on real token distributions: how often each known rule accepts,\n"
        "how often the best possible rule would, and the gap.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"specsim {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        parser.subparsers[name] = import_module(module).add_to(commands)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("specsim")
    except PackageNotFoundError:
        return "(not installed)"
