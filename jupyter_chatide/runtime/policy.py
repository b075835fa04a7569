"""What a sandbox's processes are given: an environment made from an allow-list, private folders.

The isolation policy of a sandbox is what this module says and what ``supervisor.py`` enforces;
``report.py`` says what it does not cover.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

SANDBOX_VARIABLE = "CHATIDE_SANDBOX"
"""Set to ``1`` in every process of a sandbox."""

# A socket's path must fit in sockaddr_un (104 bytes on macOS, 108 on Linux); the folder's name
# and the socket's take up to 25.
_LONGEST_PARENT = 75

# Only what programs need to find their files, their language and their number of threads.
# Everything else stays out: keys, tokens, proxies with passwords, agents' sockets.
# fmt: off
_ALLOWED = frozenset(
    (
        "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "USER", "LOGNAME", "SHELL", "JPY_SESSION_NAME",
        "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "VIRTUAL_ENV", "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV", "CONDA_EXE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "VECLIB_MAXIMUM_THREADS",
        "POLARS_MAX_THREADS", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "GDAL_DATA",
        "PROJ_DATA", "PROJ_LIB", "JAVA_HOME", "R_HOME", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR",
        "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "PROGRAMFILES",
        "PROGRAMFILES(X86)", "PROGRAMDATA", "JPY_INTERRUPT_EVENT",
    )
)
# fmt: on


class Policy(msgspec.Struct, frozen=True):
    """What one sandbox may use; passed to ``start_kernel`` as ``chatide_policy``.

    Args:
        workspace: the folder its code runs in.
        temporary: the workspace goes away with the sandbox's server, however that ends.
    """

    workspace: Path
    temporary: bool = False


def make_private_folder() -> Path:
    """Make the 0700 folder that holds a sandbox's sockets, connection file, home and caches.

    Its path is short enough for the sockets' names.

    Raises:
        OSError: no such folder can be made.
    """
    parent = Path(tempfile.gettempdir()).resolve()
    if os.name == "posix" and len(os.fsencode(parent)) > _LONGEST_PARENT:
        parent = Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix="chatide-", dir=parent))
    for name in ("home", "tmp", "ipython", "matplotlib"):
        (folder / name).mkdir(mode=0o700)
    for font_list in _font_lists():
        shutil.copyfile(font_list, folder / "matplotlib" / font_list.name)
    return folder


def kernel_environment(given: Mapping[str, str], private: Path) -> dict[str, str]:
    """The environment of a sandbox's processes.

    Args:
        given: the environment to choose from, usually the server's.
        private: the sandbox's private folder.
    """
    environment = {
        name: value
        for name, value in given.items()
        if name.upper() in _ALLOWED or name.startswith("LC_")
    }
    environment.setdefault("LANG", "C.UTF-8")
    # The commands of a cell (`!python`, `!pip`) are those of the kernel's own environment.
    programs = str(Path(sys.executable).parent)
    path = [folder for folder in given.get("PATH", os.defpath).split(os.pathsep) if folder]
    environment["PATH"] = os.pathsep.join([programs, *(p for p in path if p != programs)])
    home = str(private / "home")
    temporary = str(private / "tmp")
    environment |= {
        SANDBOX_VARIABLE: "1",
        "HOME": home,
        "TMPDIR": temporary,
        "IPYTHONDIR": str(private / "ipython"),
        "MPLCONFIGDIR": str(private / "matplotlib"),
    }
    if sys.platform == "win32":
        environment |= {
            "USERPROFILE": home,
            "APPDATA": home,
            "LOCALAPPDATA": home,
            "TEMP": temporary,
            "TMP": temporary,
        }
    if site.ENABLE_USER_SITE:
        # HOME moved away, but packages installed with pip --user are still to be found.
        environment["PYTHONUSERBASE"] = site.getuserbase()
    return environment


def _font_lists() -> Iterator[Path]:
    """matplotlib's font lists of this user: without one, a first plot takes seconds longer."""
    named = os.environ.get("MPLCONFIGDIR")
    cache = os.environ.get("XDG_CACHE_HOME")
    for folder in (
        Path(named) if named else None,
        Path(cache) / "matplotlib" if cache else None,
        Path.home() / ".cache" / "matplotlib",
        Path.home() / ".matplotlib",
    ):
        if folder is not None and (found := sorted(folder.glob("fontlist-v*.json"))):
            yield from found
            return
