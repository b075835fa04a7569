"""The command line: what there is to say, and its help."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from .. import __version__

if TYPE_CHECKING:
    from ..gateway.messages import KeyPlace

_STATUS = """
exit status:
  0    all went well
  1    {failed}
  2    the command was not understood
  130  stopped with Ctrl-C
"""


class Arguments(argparse.Namespace):
    """What the command line said; each command has those of these that it knows.

    ``module`` names who carries it out, as ``module`` or ``module:function``.
    """

    module: str
    debug: bool
    json: bool
    prompt: str
    model: str
    fallback: list[str] | None
    workspace: str | None
    file: str
    timeout: float | None
    provider: str
    base_url: str | None
    place: KeyPlace | None
    option: list[str]
    days: int
    path: str

    def carry_out(self) -> int:
        """Do what was said; returns the exit status."""
        module, _, function = self.module.partition(":")
        command = getattr(import_module(f".{module}", __package__), function or "command")
        status: int = command(self)
        return status


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line.

    Raises:
        SystemExit: it asked for help (0), or was not understood (2).
    """
    return parser().parse_args(argv, Arguments())


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(
        prog="jupyter chatide",
        description="Describe what you want; a model answers and its code runs at once in a "
        "throwaway kernel.",
        epilog="Results go to standard output, all else to standard error. Chats and keys are "
        "kept in the folder chatide of Jupyter's data directory (see `jupyter --paths`).",
    )
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument(
        "--debug", action="store_true", help="show the traceback of an unexpected error"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_exec(commands)
    _add_keys(commands)
    _add_models(commands)
    _add_local(commands)
    _add_usage(commands)
    _add_doctor(commands)
    return top


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(
        commands,
        "run",
        "turn",
        "one prompt: the reply, and what its code gives",
        """
examples:
  jupyter chatide run "Plot a damped sine wave"
  jupyter chatide run "Summarise sales.csv" --workspace ~/data --model ollama/qwen3
  echo "Fit a line to x.csv" | jupyter chatide run - --json > turn.json

The reply streams as Markdown, each block of code followed by its outputs. Images are kept in the
workspace, under outputs/. The chat is kept too: it is in JupyterLab's sidebar the next time.
"""
        + _STATUS.format(failed="the model did not answer, or the last code that ran failed"),
    )
    run.add_argument("prompt", metavar="PROMPT", help="what you want; - reads standard input")
    run.add_argument(
        "--model",
        metavar="P/M",
        type=_model,
        default="",
        help="who answers, as provider/model (default: the first provider with a key, else a "
        "local one, else the demo)",
    )
    run.add_argument(
        "--fallback",
        metavar="P/M",
        type=_model,
        action="append",
        help="who answers when the one before is unavailable; may be given several times (default: "
        "the chain chosen in the sidebar or configured; --fallback '' for none)",
    )
    run.add_argument(
        "--workspace",
        metavar="DIR",
        help="the folder the code works in (default: one of the chat's own)",
    )
    _add_json(run, "print one JSON document: status, reply, actions, runs with their outputs")


def _add_exec(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    execute = _command(
        commands,
        "exec",
        "execute",
        "run code in a sandbox, without a model",
        """
examples:
  jupyter chatide exec analysis.py --workspace ~/data
  jupyter chatide exec - --json <<< 'import sys; print(sys.version)'

What the code prints goes where it would go without a sandbox; a value at its end is shown.
"""
        + _STATUS.format(failed="the code failed")
        + "  124  the code ran longer than its time limit\n",
    )
    execute.add_argument("file", metavar="FILE", help="Python code; - reads standard input")
    execute.add_argument(
        "--workspace",
        metavar="DIR",
        help="the folder the code works in (default: a temporary one, removed at the end)",
    )
    execute.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        help="seconds that the code may run; 0 for no limit (default: 120)",
    )
    _add_json(execute, "print one RunResult as JSON, with nbformat outputs")


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = commands.add_parser(
        "keys", help="the providers' keys", description="Set, list, remove and check keys."
    )
    actions = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _command(
        actions,
        "set",
        "keys:set_key",
        "keep a provider's key, its base URL, or both",
        """
examples:
  jupyter chatide keys set anthropic                    # asks for the key, unseen
  pass show openai | jupyter chatide keys set openai    # or reads it from standard input
  jupyter chatide keys set lmstudio --base-url http://localhost:1234/v1

Keys are kept in the system's keyring where there is one, else in a file that only you can read.
A key in the environment comes first.
""",
    )
    add.add_argument("provider", metavar="PROVIDER", help="see `jupyter chatide keys list`")
    add.add_argument("--base-url", metavar="URL", help="where the provider answers")
    add.add_argument(
        "--place",
        choices=("keyring", "file"),
        help="where to keep the key (default: the first of these that works here)",
    )
    add.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="another setting of the provider, e.g. region=eu-west-1; may be given several times",
    )
    listing = _command(actions, "list", "keys:list_keys", "the providers, and which have a key")
    _add_json(listing, "print JSON")
    remove = _command(actions, "remove", "keys:remove_key", "forget a key that was kept")
    remove.add_argument("provider", metavar="PROVIDER")
    check = _command(
        actions,
        "check",
        "keys:check_keys",
        "make a real call with a key",
        _STATUS.format(failed="a key does not work"),
    )
    check.add_argument(
        "provider", metavar="PROVIDER", nargs="?", default="", help="default: all with a key"
    )
    _add_json(check, "print JSON")


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = _command(
        commands,
        "models",
        "models",
        "the models that providers list",
        """
examples:
  jupyter chatide models
  jupyter chatide models openrouter | grep qwen

One model a line: its name, context window and prices in US dollars per million tokens, where
known. A model that is not listed can be named all the same.
"""
        + _STATUS.format(failed="a provider that was named did not answer, or none did"),
    )
    models.add_argument(
        "provider", metavar="PROVIDER", nargs="?", default="", help="default: all ready ones"
    )
    _add_json(models, "print JSON")


def _add_local(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    local = commands.add_parser(
        "local",
        help="models that run on this machine",
        description="Fetch, add, list and remove models that run on this machine.",
    )
    actions = local.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = _command(actions, "list", "local:list_models", "what there is, and what to fetch")
    _add_json(listing, "print JSON")
    download = _command(
        actions,
        "download",
        "local:download",
        "fetch a recommended model; Ctrl-C keeps what is there, and the next time goes on",
    )
    download.add_argument("model", metavar="MODEL", help="see `jupyter chatide local list`")
    add = _command(actions, "add", "local:add", "use a GGUF file of your own, where it is")
    add.add_argument("path", metavar="FILE")
    remove = _command(actions, "remove", "local:remove", "delete a fetched model, forget an own")
    remove.add_argument("model", metavar="MODEL")


def _add_usage(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    usage = _command(
        commands,
        "usage",
        "usage",
        "tokens and cost by day and model",
        """
Costs are in US dollars, as providers or litellm's price list say; a request whose price nobody
knows is counted as such, never as free. Days are those of UTC.
""",
    )
    usage.add_argument(
        "--days", metavar="N", type=_days, default=30, help="how many days back (default: 30)"
    )
    _add_json(usage, "print JSON")


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = _command(
        commands,
        "doctor",
        "doctor",
        "what works here, and what to do about the rest",
        _STATUS.format(failed="something that is needed does not work"),
    )
    _add_json(doctor, "print JSON")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    module: str,
    summary: str,
    more: str = "",
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=more.strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(module=module)
    return parser


def _add_json(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--json", action="store_true", help=help)


def _model(text: str) -> str:
    if text and not all(text.partition("/")):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not named provider/model; see `jupyter chatide models`"
        )
    return text


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 3660):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to 3660")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on")
    return seconds
