"""The house keeps its shape: which part knows which, what start-up loads, what no file says."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import jupyter_chatide

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "jupyter_chatide"

# What each part may import of the others. server, magics, cli → chat → gateway, runtime.
BASE = {"errors", "paths"}
ENGINE = {"chat", "gateway", "runtime"}
MAY_IMPORT = {
    "errors": set(),
    "paths": {"errors"},
    "gateway": BASE,
    "runtime": BASE,
    "chat": BASE | {"gateway", "runtime"},
    "settings": BASE | {"gateway", "runtime"},  # what the parts make of traits
    "client": BASE | ENGINE | {"settings"},
    "server": BASE | ENGINE | {"extension"},  # handlers ask the wiring for the parts
    "magics": BASE | ENGINE | {"client"},
    "cli": BASE | ENGINE | {"client"},
    "extension": BASE | ENGINE | {"server", "settings"},  # the wiring
    "": {"client", "extension", "magics"},  # __init__: entry points, imported when they are called
}

# The worker process, and what only it loads.
LITELLM_WORKER = {
    "gateway/litellm/request.py",
    "gateway/litellm/worker.py",
    "gateway/litellm/failures.py",
    "gateway/litellm/reply.py",
}

# Written in two halves, so that this file does not say them either.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "deb.debian" + ".org",
]
MACHINE_PATHS = ["/wo" + "rk/", "/tmp" + "/w/", "/ro" + "ot/"]


def files_of_the_project() -> list[Path]:
    """All files that are committed, or that the next commit may add."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [CHECKOUT / name for name in names.split("\0") if name]
    return [path for path in paths if path.is_file()]


def modules() -> list[Path]:
    return [
        path
        for path in files_of_the_project()
        if path.is_relative_to(PACKAGE) and path.suffix == ".py"
    ]


def imports(path: Path) -> Iterator[str]:
    """The absolute names of the modules that a file imports, wherever in it."""
    package = path.relative_to(CHECKOUT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join([*base, *([node.module] if node.module else [])])
            # ``from . import x`` may name a module or a thing in one.
            yield from (f"{name}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to; empty for the package itself."""
    first, *rest = path.relative_to(PACKAGE).parts
    return first if rest else path.stem.replace("__init__", "")


def canonical(distribution: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def modules_loaded_by(code: str, already: str = "") -> set[str]:
    """The top-level packages that a fresh interpreter loads for some code."""
    script = f"""
import sys
{already}
before = set(sys.modules)
{code}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    if part == "etc":  # settings for other programs, no part of the package
        return
    assert part in MAY_IMPORT, f"say in MAY_IMPORT what {part} may import"
    known = {
        name.split(".")[1]
        for name in imports(path)
        if name.startswith("jupyter_chatide.") and name != "jupyter_chatide.__version__"
    }
    assert known - {part} <= MAY_IMPORT[part]


def test_litellm_is_imported_by_the_worker_process_alone() -> None:
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if any(name.split(".")[0] == "litellm" for name in imports(path))
    }
    assert importers == LITELLM_WORKER


def test_only_the_worker_process_loads_its_modules() -> None:
    inside = {
        f"jupyter_chatide.{name.removesuffix('.py')}".replace("/", ".") for name in LITELLM_WORKER
    }
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if any(name.startswith(tuple(inside)) for name in imports(path))
    }
    assert importers <= LITELLM_WORKER


@pytest.mark.parametrize("where", ["jupyter_chatide", "tests"])
def test_every_library_that_is_imported_is_declared(where: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + (extras["demo"] + extras["test"] if where == "tests" else [])
    declared = {canonical(re.split(r"[^\w.-]", line)[0]) for line in lines}
    imported = {
        name.partition(".")[0]
        for path in files_of_the_project()
        if path.suffix == ".py" and path.is_relative_to(CHECKOUT / where)
        if path not in {PACKAGE / name for name in LITELLM_WORKER}  # litellm brings its own
        for name in imports(path)
    }
    libraries = imported - sys.stdlib_module_names - {"jupyter_chatide", "tests"}
    installed = packages_distributions()  # reads every package there is: once is enough
    for library in libraries - {"xllamacpp"}:  # asks for more than the tests need: see .ci/run
        distributions = {canonical(name) for name in installed.get(library, [])}
        assert distributions & declared, f"{library} is not in pyproject.toml"


def test_importing_the_package_loads_nothing_but_python_itself() -> None:
    loaded = modules_loaded_by("import jupyter_chatide")
    assert loaded - sys.stdlib_module_names == {"jupyter_chatide"}


def test_the_server_extension_loads_little_that_the_server_has_not() -> None:
    loaded = modules_loaded_by(
        "import jupyter_chatide.extension, jupyter_chatide.server.routes",
        already="import jupyter_server.serverapp, jupyter_server.extension.application",
    )
    assert loaded - sys.stdlib_module_names == {"jupyter_chatide"}


@pytest.mark.parametrize("code", ["import jupyter_chatide.cli", "import jupyter_chatide.magics"])
def test_clients_load_no_model_library(code: str) -> None:
    assert not modules_loaded_by(code) & {"litellm", "openai", "pandas", "matplotlib"}


def test_the_versions_agree() -> None:
    package_json = json.loads((CHECKOUT / "labextension" / "package.json").read_text())
    assert package_json["version"] == jupyter_chatide.__version__
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert f"[{jupyter_chatide.__version__}]" in (CHECKOUT / "CHANGELOG.md").read_text()


def test_the_build_is_not_committed() -> None:
    built = [PACKAGE / "labextension", CHECKOUT / "labextension" / "lib"]
    assert not [
        path for path in files_of_the_project() if any(path.is_relative_to(at) for at in built)
    ]


@pytest.mark.parametrize("words", [REGISTRY_HOSTS, MACHINE_PATHS], ids=["registries", "machines"])
def test_no_file_names_where_it_was_made(words: list[str]) -> None:
    found = {
        f"{path.relative_to(CHECKOUT)}: {word}"
        for path in files_of_the_project()
        for word in words
        if word.encode() in path.read_bytes()
    }
    assert not found


def test_the_lock_file_says_what_to_fetch_and_not_where_from() -> None:
    lock = (CHECKOUT / "labextension" / "yarn.lock").read_text()
    addresses = re.findall(r"https?://\S+|git@\S+|::__archiveUrl=\S+", lock)
    assert not addresses


def test_each_module_is_named_for_what_it_does() -> None:
    vague = {"utils", "util", "helpers", "common", "misc"}
    sources = (path for path in files_of_the_project() if path.suffix in {".py", ".ts", ".tsx"})
    assert not [path for path in sources if path.stem in vague or path.parent.name in vague]
