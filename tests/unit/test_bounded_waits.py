"""A wait with a limit is an `asyncio.timeout` everywhere in the product.

`asyncio.wait_for` of Python 3.11 loses a cancellation that comes in the turn of the loop in which what it
waits for is done: whoever has cancelled then waits for a task that goes on.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("part", ["bus", "agents", "launch", "examples"])
def test_no_wait_loses_a_cancellation(part: str) -> None:
    paths = sorted(ROOT.joinpath(part).rglob("*.py"))
    assert paths
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if "wait_for" in (getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "name", ""))
    ]
    assert found == []
