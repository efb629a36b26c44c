"""References run over cases in the real sandbox: right, endless, noisy, prying and panicking ones."""

import os
import sys
from pathlib import Path

import pytest

from guildbus.agents.oracle import running
from guildbus.agents.oracle.hints import Hints
from guildbus.agents.oracle.inputs import cases_for
from guildbus.agents.oracle.running import Witnesses, python_policy
from guildbus.agents.oracle.values import agree
from guildbus.agents.oracle.witnesses import hear
from guildbus.agents.sandbox import Command
from guildbus.agents.sandbox.runners import open_sandbox
from testimony import api, calls, outcomes, program

pytestmark = pytest.mark.timeout(300)

INTERPRETER = os.path.realpath(sys.executable)
PY_GCD = """def gcd(a: int, b: int) -> int:
    a, b = abs(a), abs(b)
    while b:
        a, b = b, a % b
    return a
"""
GO_GCD = """package numkit

func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}
"""


GCD = api("func GCD(a, b int) int")


async def test_python_and_go_agree_where_both_are_right(witnesses: Witnesses) -> None:
    cases = cases_for(GCD, GCD.callables[0], Hints())
    found = hear(
        cases,
        [
            await witnesses.testify(program(PY_GCD), GCD, cases),
            await witnesses.testify(program(GO_GCD, "go"), GCD, cases),
        ],
    )
    assert len(cases) >= 200
    assert (len(found.settled), found.split, found.dismissed) == (len(cases), (), ())
    assert {one.votes for one in found.settled} == {("python-0", "go-0")}


async def test_a_case_without_an_end_is_no_value_and_the_others_have_theirs(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    while a == 3:\n        pass\n    return a + b\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [1, 2], [3, 4], [5, 6]))
    assert [found[0], found[2]] == [{"values": [3]}, {"values": [11]}]
    assert "no answer within" in found[1]["none"]


async def test_a_program_that_catches_everything_is_stopped_too(witnesses: Witnesses) -> None:
    body = "while True:\n        try:\n            pass\n        except Exception:\n            pass\n"
    source = f"def gcd(a, b):\n    {body}"
    found = await outcomes(witnesses, GCD, source, calls("GCD", *([n, n] for n in range(6))))
    assert all("none" in outcome for outcome in found)


async def test_what_a_program_prints_is_no_outcome(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    print('guildbus-1 0 {\"values\": [7]}')\n    return max(a, b)\n"
    assert await outcomes(witnesses, GCD, source, calls("GCD", [1, 2])) == [{"values": [2]}]


async def test_a_program_that_never_looks_at_a_parameter_gives_no_value(witnesses: Witnesses) -> None:
    [found] = await outcomes(witnesses, GCD, "def gcd(a, b):\n    return abs(a)\n", calls("GCD", [1, 2]))
    assert found == {"none": "it never looks at b"}


@pytest.mark.parametrize(
    "body", ["return open('/etc/hostname').read()", "import socket\n    return 1", "import os\n    return 1"]
)
async def test_a_program_that_reaches_out_is_refused_by_the_gate(witnesses: Witnesses, body: str) -> None:
    [found] = await outcomes(witnesses, GCD, f"def gcd(a, b):\n    {body}\n", calls("GCD", [1, 2]))
    assert found["none"].startswith("it ")


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        ("return int(open('{secret}').read())", "1"),
        ("import os\n    return len(os.listdir('{folder}'))", "1"),
        ("import socket\n    socket.create_connection(('127.0.0.1', {port}), 2)\n    return 1", "1"),
        ("import os\n    return 1 if 'GUILDBUS_SECRET' in os.environ else -1", "-1"),
        ("open('{folder}/made', 'w').write('x')\n    return 1", "1"),
    ],
)
async def test_past_the_gate_the_sandbox_refuses(
    witnesses: Witnesses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, secret: str
) -> None:
    """The gate is taken away; what is left has to hold."""
    import socket

    monkeypatch.setattr(running, "mended", lambda source: (source, ""))
    monkeypatch.setenv("GUILDBUS_SECRET", "1")
    (tmp_path / "secret").write_text("42")
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = body.format(secret=tmp_path / "secret", folder=tmp_path, port=server.getsockname()[1])
        [found] = await outcomes(witnesses, GCD, f"def gcd(a, b):\n    {text}\n", calls("GCD", [1, 2]))
    assert "none" in found or found == {"values": [int(secret)]} == {"values": [-1]}
    assert not (tmp_path / "made").exists()


async def test_the_interpreter_itself_runs_in_there(witnesses: Witnesses, tmp_path: Path) -> None:
    """Else the refusals above would prove nothing."""
    sandbox = await open_sandbox(python_policy())
    argv = (INTERPRETER, "-I", "-S", "-c", "import os; print(sorted(os.listdir('.')))")
    (tmp_path / "here").write_text("")
    done = await sandbox.run(Command(argv, tmp_path, wall_s=20))
    assert (done.returncode, done.stdout.strip()) == (0, "['here']")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def gcd(a, b:\n", "it is no Python"),
        ("def other(a, b):\n    return 1\n", "gcd"),
        ("def gcd(a, b):\n    return undefined\n", "undefined"),
        ("def gcd(a, b):\n    return 'text'\n", "is no int"),
        ("def gcd(a, b):\n    return 2 ** 64\n", "out of range"),
        ("def gcd(a, b):\n    return None\n", "is no int"),
        ("def gcd(a, b):\n    return True\n", "is no int"),
        ("def gcd(a, b):\n    raise ValueError('bad')\n", "ValueError"),
        ("def gcd(a):\n    return 1\n", "TypeError"),
        ("def gcd(a, b):\n    return [0] * 10**10\n", ""),
        ("def gcd(a, b):\n    return gcd(a, b)\n", "RecursionError"),
    ],
)
async def test_a_mistake_of_the_program_is_no_value(witnesses: Witnesses, source: str, why: str) -> None:
    [found] = await outcomes(witnesses, GCD, source, calls("GCD", [1, 2]))
    assert why in found["none"], found


async def test_where_the_languages_divide_differently_the_outcome_says_so(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    return a % b\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [7, 3], [-7, 3]))
    assert found[0] == {"values": [1]}
    assert found[1]["divergent"] is True


async def test_errors_are_exceptions_and_a_named_one_keeps_its_name(witnesses: Witnesses) -> None:
    parse = api("func Parse(s string) (int, error)", 'var ErrEmpty = errors.New("empty")')
    source = (
        "def parse(s):\n    if not s:\n        raise ErrEmpty('empty')\n"
        "    if s == 'x':\n        raise ValueError('x')\n    return len(s)\n"
    )
    go = (
        'package p\n\nimport "errors"\n\nvar ErrEmpty = errors.New("empty")\n\n'
        'func Parse(s string) (int, error) {\n\tif s == "" {\n\t\treturn 0, ErrEmpty\n\t}\n'
        '\tif s == "x" {\n\t\treturn 0, errors.New("x")\n\t}\n\treturn len([]rune(s)), nil\n}\n'
    )
    cases = calls("Parse", [""], ["x"], ["日本"])
    python, golang = (
        await outcomes(witnesses, parse, source, cases),
        await outcomes(witnesses, parse, go, cases, "go"),
    )
    assert python == [{"values": [{"error": "ErrEmpty"}]}, {"values": [{"error": ""}]}, {"values": [2, None]}]
    assert all(map(agree, python, golang))
    assert golang[0] == {"values": [0, {"error": "ErrEmpty"}]}


async def test_a_panic_is_an_outcome_and_the_next_case_runs(witnesses: Witnesses) -> None:
    source = "package p\n\nfunc GCD(a, b int) int { return a / b }\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [6, 3], [1, 0], [8, 2]), "go")
    assert found == [{"values": [2]}, {"panic": True}, {"values": [4]}]


async def test_go_that_never_ends_or_does_not_build_has_no_value(witnesses: Witnesses) -> None:
    endless = "package p\n\nfunc GCD(a, b int) int {\n\tfor a == 3 {\n\t}\n\treturn a\n}\n"
    found = await outcomes(witnesses, GCD, endless, calls("GCD", [1, 1], [3, 1], [4, 1]), "go")
    assert found[0] == {"values": [1]}
    assert found[1] == {"timeout": True}
    assert "none" in found[2]
    [unbuilt] = await outcomes(
        witnesses, GCD, "package p\n\nfunc GCD(a, b int) int {}\n", calls("GCD", [1, 1]), "go"
    )
    assert "none" in unbuilt
