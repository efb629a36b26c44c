"""`make clean` takes away what installing, checking and testing make, and nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from guildhall import ROOT

MADE = (
    ".venv/bin/guildbus",
    ".mypy_cache/x",
    "src/guildbus.egg-info/PKG-INFO",
    "agents/oracle/__pycache__/x.pyc",
    "tests/__pycache__/x.pyc",
    "examples/go-doc/build/lib/go_doc/agent.py",
    "examples/go-doc/dist/go_doc.whl",
    "examples/go-doc/src/go_doc.egg-info/PKG-INFO",
    "examples/go-doc/src/go_doc/__pycache__/agent.pyc",
    "examples/go-review/tests/__pycache__/x.pyc",
)
KEPT = (
    "Makefile",
    "agents/oracle/agent.py",
    "bench/pictures.py",
    "bus/broker.py",
    "examples/go-doc/src/go_doc/agent.py",
    "launch/api.py",
    "out/numkit/numkit.go",
    "protocols/wire.py",
)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_what_was_made_goes_and_what_was_written_stays(tmp_path: Path) -> None:
    for name in (*MADE, *KEPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, timeout=30)
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(KEPT)
