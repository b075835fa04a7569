"""``doctor``: what works here, and what to do about the rest."""

from __future__ import annotations

import asyncio
import platform
import stat
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .. import __version__
from ..client.money import budget_words
from ..client.own_parts import OwnParts
from ..errors import ChatIDEError
from .arguments import Arguments
from .process import FAILED, OK
from .tables import print_table

if TYPE_CHECKING:
    from ..gateway import Gateway

_PACKAGES = ("jupyterlab", "jupyter_server", "jupyter_client", "ipykernel", "litellm")
_EXTENSION = "jupyter-chatide"
_PATIENCE = 3.0  # seconds for a running server to answer

State = Literal["ok", "note", "failed"]
_MARKS = {"ok": "ok", "note": "–", "failed": "FAILED"}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    ``state``: ``ok``; ``note``, where it is as it may be but a person should know; ``failed``,
    where something that is needed does not work. ``facts`` is for programs.
    """

    about: str
    state: State
    message: str
    hint: str = ""
    facts: Any = None


def command(arguments: Arguments) -> int:
    """Carry the command out."""
    parts = OwnParts()
    findings = [
        _versions(),
        _data_folder(parts.settings.data_path),
        *asyncio.run(_parts(parts)),
        _browser_extension(),
    ]
    findings += _servers()
    if arguments.json:
        print(msgspec.json.encode(findings).decode())
    else:
        print_table((_MARKS[f.state], f.about, f"{f.message} {f.hint}".strip()) for f in findings)
    return FAILED if any(finding.state == "failed" for finding in findings) else OK


def _versions() -> Finding:
    versions: dict[str, str | None] = {
        "jupyter-chatide": __version__,
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    missing = [name for name, found in versions.items() if found is None]
    return Finding(
        "versions",
        "failed" if missing else "ok",
        ", ".join(f"{name} {found or 'missing'}" for name, found in versions.items()),
        f"Install {' and '.join(missing)}." if missing else "",
        {**versions, "executable": sys.executable, "platform": platform.platform()},
    )


def _data_folder(folder: Path) -> Finding:
    facts: dict[str, Any] = {"path": str(folder), "mode": None}
    try:
        status = folder.stat()
    except FileNotFoundError:
        return Finding("data", "ok", f"{folder} will be made when it is needed.", facts=facts)
    except OSError as error:
        return Finding("data", "failed", f"{folder}: {error.strerror}.", facts=facts)
    mode = stat.S_IMODE(status.st_mode)
    facts["mode"] = f"{mode:04o}"
    if sys.platform != "win32" and mode & 0o077:
        return Finding(
            "data",
            "failed",
            f"{folder} can be read or written by other users (mode {mode:04o}).",
            f"Run: chmod 700 {folder}",
            facts,
        )
    return Finding("data", "ok", f"{folder} is yours alone (mode {mode:04o}).", facts=facts)


async def _parts(parts: OwnParts) -> list[Finding]:
    """What only asking shows: the providers, the sandbox."""
    providers, sandbox = await asyncio.gather(_providers(parts), _sandbox(parts))
    return [*providers, *sandbox]


async def _providers(parts: OwnParts) -> list[Finding]:
    from .keys import key_words, provider_facts

    async with parts.gateway() as gateway:
        default = await gateway.resolve_default_model()
        answers = Finding("default model", "ok", default, facts=default)
        if default == "demo/demo":
            answers = Finding(
                "default model",
                "note",
                "demo/demo: recorded replies to the example prompts.",
                "Set a key (jupyter chatide keys set PROVIDER) or start a local model.",
                default,
            )
        statuses = await gateway.providers()
        places = gateway.keys.places()
        chain = gateway.fallback_default()
        budget = await _budget(gateway)
    return [
        *(
            Finding(
                f"provider {status.id}",
                "ok" if status.ready else "note",
                key_words(status),
                facts=provider_facts(status),
            )
            for status in statuses
        ),
        answers,
        Finding(
            "fallback",
            "ok",
            ", then ".join(chain) or "none: an error is said, and no other model asked",
            facts=chain,
        ),
        Finding("key places", "ok", f"New keys go to the {places[0]}.", facts=places),
        budget,
    ]


async def _budget(gateway: Gateway) -> Finding:
    """What may be spent, and what is left of it."""
    budget = gateway.settings.budget
    if budget.cost is None and budget.tokens is None:
        return Finding("budget", "ok", "none")
    try:
        await gateway.usage.check(budget)
        spent = await gateway.usage.spent(budget)
    except ChatIDEError as error:
        return Finding("budget", "failed", error.message, error.hint)
    return Finding("budget", "ok", budget_words(budget, spent))


async def _sandbox(parts: OwnParts) -> list[Finding]:
    async with parts.runtime() as runtime:
        report = runtime.report()
        started = time.monotonic()
        try:
            workspace = await runtime.create_workspace()
            result = await workspace.run("1 + 1", timeout=60)
            seconds = time.monotonic() - started
            ran = Finding(
                "sandbox",
                "ok" if result.status == "ok" else "failed",
                f"A kernel started and ran code in {seconds:.1f} s."
                if result.status == "ok"
                else f"Code did not run in it: {result.status}.",
                facts={"status": result.status, "seconds": round(seconds, 3)},
            )
        except ChatIDEError as error:
            ran = Finding("sandbox", "failed", error.message, error.hint)
    return [
        _kernelspec(),
        ran,
        Finding(
            "sandbox tier",
            "ok" if report.tier == "full" else "note",
            f"{report.tier}: {report.summary}",
            facts=msgspec.to_builtins(report),
        ),
        *(
            Finding(
                f"  {dimension.label.lower()}",
                "ok" if dimension.enforced else "note",
                dimension.mechanism if dimension.enforced else dimension.gap,
            )
            for dimension in report.dimensions
        ),
    ]


def _kernelspec() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    from ..runtime.kernel import KERNEL_NAME

    try:
        spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    except NoSuchKernel:
        return Finding(
            "kernelspec",
            "note",
            f"{KERNEL_NAME} is not among Jupyter's kernels; the package's own copy is used.",
            "Install the package (pip install jupyter-chatide) to open consoles on sandboxes.",
        )
    return Finding("kernelspec", "ok", spec.resource_dir, facts=spec.resource_dir)


def _browser_extension() -> Finding:
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        path = Path(folder) / _EXTENSION / "package.json"
        try:
            found = msgspec.json.decode(path.read_bytes())["version"]
        except (OSError, msgspec.MsgspecError, KeyError, TypeError):
            continue
        if found != __version__:
            return Finding(
                "browser extension",
                "failed",
                f"{path.parent} has version {found}, the server's part {__version__}.",
                "Install the package again.",
                {"path": str(path.parent), "version": found},
            )
        return Finding(
            "browser extension",
            "ok",
            f"version {found} in {path.parent}",
            facts={"path": str(path.parent), "version": found},
        )
    return Finding(
        "browser extension",
        "failed",
        "It is not installed, so JupyterLab shows no sidebar.",
        "Install the package: pip install jupyter-chatide",
    )


def _servers() -> Iterator[Finding]:
    from ..client.servers import ServerAPI, running_servers

    for server in running_servers():
        facts: dict[str, Any] = {"url": server.url, "pid": server.pid, "version": server.version}
        try:
            with ServerAPI(server, _PATIENCE) as api:
                chats = len(api.get("chats")["chats"])
        except ChatIDEError as error:
            yield Finding("server", "note", f"{server.url}: {error.message}", error.hint, facts)
            continue
        yield Finding(
            "server", "ok", f"{server.url} has the extension, and {chats} chats.", "", facts
        )
