"""The report claims no more than what is so."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from jupyter_chatide.runtime import Dimension, Limits, Runtime
from jupyter_chatide.runtime.report import sandbox_report


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_dimension_is_named_with_its_mechanism_or_its_gap(platform: str) -> None:
    report = sandbox_report(Limits(), platform)
    assert report.tier == "minimal"
    assert "files" in report.summary
    assert "network" in report.summary
    names = get_args(get_type_hints(Dimension)["name"])
    assert [dimension.name for dimension in report.dimensions] == list(names)
    for dimension in report.dimensions:
        if dimension.enforced:
            assert dimension.mechanism
            assert not dimension.gap
        else:
            assert dimension.gap
            assert dimension.hint
    enforced = {dimension.name for dimension in report.dimensions if dimension.enforced}
    assert enforced == {"environment", "time", "output"}


def test_without_a_time_limit_the_report_says_so() -> None:
    report = Runtime(limits=Limits(run_time=0)).report()
    [time] = [dimension for dimension in report.dimensions if dimension.name == "time"]
    assert not time.enforced


def test_importing_the_runtime_starts_nothing_heavy() -> None:
    code = (
        "import sys, jupyter_chatide.runtime\n"
        "heavy = {'zmq', 'jupyter_client', 'tornado', 'traitlets', 'nbformat', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
