"""The answers of fresh processes: the same histories, another hash seed, maps turned round.

What runs in such a process is `repeat.py`. Several subjects share one: its start costs more than they.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from guildbus.launch.conformance.bench import Answers
from guildbus.launch.conformance.findings import Untried
from guildbus.launch.conformance.outcomes import from_json
from guildbus.launch.conformance.subject import Subject

WORLDS: Final = (("1", False), ("2", True))
"""PYTHONHASHSEED, and whether the keys of all maps come in reverse order."""
PATIENCE_S: Final = 120.0


def fresh_answers(subjects: Sequence[Subject]) -> list[list[Answers]]:
    """For each subject its answers in each world. Raises Untried if a process cannot have the class."""
    running = [_start(subjects, seed, turned=turned) for seed, turned in WORLDS]
    worlds = [_result(process, said) for process, said in running]
    return [[_answers(subject, world[number]) for world in worlds] for number, subject in enumerate(subjects)]


def _start(subjects: Sequence[Subject], seed: str, *, turned: bool) -> tuple["subprocess.Popen[str]", str]:
    said = {"path": sys.path, "turned": turned, "jobs": [_job(subject) for subject in subjects]}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "guildbus.launch.conformance.repeat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": seed},
    )
    return process, json.dumps(said)


def _job(subject: Subject) -> dict[str, Any]:
    return {
        "class": _reference(subject.agent_class),
        "replies": _reference(subject.replies),
        "histories": {history.name: history.as_json() for history in subject.histories},
        "patience_s": subject.tolerances.patience_s,
    }


def _reference(found: Any) -> dict[str, Any]:
    """Where a fresh process finds a class or a function."""
    if "<" in found.__qualname__:
        raise Untried(f"{found.__qualname__} is inside a function: a fresh process cannot import it")
    file = getattr(sys.modules.get(found.__module__), "__file__", None)
    return {"module": found.__module__, "file": file, "name": found.__qualname__}


def _result(process: "subprocess.Popen[str]", said: str) -> list[dict[str, Any]]:
    try:
        out, err = process.communicate(said, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Untried(f"a fresh process did not end within {PATIENCE_S:.0f} s") from None
    if process.returncode:
        last = err.strip().rpartition("\n")[2][:300]
        raise Untried(f"a fresh process failed: {last or process.returncode}")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def _answers(subject: Subject, stated: dict[str, Any]) -> Answers:
    registry = subject.registry
    return {name: [from_json(one, registry) for one in outcomes] for name, outcomes in stated.items()}
