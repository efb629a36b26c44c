"""Programs as a small model writes them, carried over: Go gives what Python gave, case by case."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from guildbus.agents import planning
from guildbus.agents.carrying.program import carried
from guildbus.agents.carrying.routines import python_name
from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.formatting import gofmt_of
from guildbus.agents.gates.table import run_gates
from guildbus.agents.golang.splice import with_declarations
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle import hearing
from guildbus.agents.oracle.record import read_record
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.values import agree
from guildbus.agents.planning import is_test
from guildbus.launch.specfile import load_spec
from guildbus.protocols.messages.build import BuildOptions, BuildPlanned, BuildRequested
from guildbus.protocols.messages.oracle import ReferenceProgram

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "tests" / "data" / "carried").glob("*.txt"))
LEAST_CASES = 50


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    base = os.environ.get("XDG_CACHE_HOME")
    return Toolchain.find((Path(base) if base else Path.home() / ".cache") / "guildbus")


def program(name: str, language: str, content: str) -> ReferenceProgram:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ReferenceProgram.model_validate(
        {"name": name, "language": language, "content": content, "sha256": digest}
    )


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
async def test_both_languages_give_the_same(path: Path, toolchain: Toolchain) -> None:
    """`path` is named after its spec."""
    spec = load_spec(ROOT / "specs" / f"{path.stem.partition('_')[0]}.yaml")
    requested = BuildRequested(spec=spec, options=BuildOptions(examine=True))
    plan = planning.plan(spec)
    planned = BuildPlanned(spec_name=spec.name, plan=plan, options=requested.options)
    docket = hearing.docket(read_record([requested, planned]), "")
    [task] = [task for task in plan.tasks if not is_test(task.path)]
    python = await asyncio.to_thread(path.read_text, encoding="utf-8")

    source = f"package {task.package}\n"
    for one in docket.api.types.values():
        if one.kind == "struct":
            fields = "; ".join(f"{name} {of.text}" for name, of in one.fields)
            source += f"\ntype {one.text} struct {{ {fields} }}\n"
    known = {one.full_name: python_name(one, docket.api) for one in docket.api.callables}
    for subject in docket.subjects:
        if f" {known.get(subject.name, subject.name)}(" in python or f"class {subject.name}:" in python:
            source = with_declarations(source, carried(python, subject.name, docket.api))
    stdlib = frozenset(["errors", "fmt", "maps", "math", "slices", "sort", "strconv", "strings", "time"])
    context = GateContext(task, stdlib | {"unicode", "unicode/utf8"}, gofmt_of(toolchain))
    source = run_gates(source, context).content

    witnesses = await Witnesses.start(toolchain, unsafe=False)
    ours = await witnesses.testify(program("python-0", "python", python), docket.api, docket.cases)
    theirs = await witnesses.testify(program("go-0", "go", source), docket.api, docket.cases)
    pairs = [
        (case, first, second)
        for case, first, second in zip(docket.cases, ours.outcomes, theirs.outcomes, strict=True)
        if "none" not in first and not first.get("divergent")
    ]
    assert len(pairs) > LEAST_CASES, ours.outcomes[:3]
    wrong = [(case, first, second) for case, first, second in pairs if not agree(first, second)]
    assert not wrong, f"{wrong[:3]}\n{source}"
