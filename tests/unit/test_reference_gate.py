"""What a Python reference may contain: it computes, and nothing else; what stands around it is taken off."""

import ast

import pytest

from guildbus.agents.oracle.references import ALLOWED_IMPORTS, ignored, mended

RIGHT = "def gcd(a: int, b: int) -> int:\n    while b:\n        a, b = b, a % b\n    return abs(a)\n"


def dumped(source: str) -> str:
    return ast.dump(ast.parse(source))


def test_a_program_that_computes_passes_as_it_is() -> None:
    text, fault = mended(RIGHT)
    assert (dumped(text), fault) == (dumped(RIGHT), "")


@pytest.mark.parametrize(
    "around",
    [
        "print(gcd(8, 15))\n",
        "if __name__ == '__main__':\n    print(gcd(8, 15))\n",
        "while True:\n    pass\n",
        "for i in range(3):\n    assert gcd(i, i) == i\n",
        "assert gcd(8, 15) == 1\n",
        "gcd(8, 15)\n",
        "'''Notes.'''\n",
        "try:\n    import os\nexcept ImportError:\n    pass\n",
        "with open('x') as f:\n    f.read()\n",
    ],
)
def test_what_stands_around_the_functions_is_taken_off(around: str) -> None:
    for source in (RIGHT + around, around + RIGHT):
        text, fault = mended(source)
        assert (dumped(text), fault) == (dumped(RIGHT), "")


def test_constants_classes_and_lawful_imports_stay() -> None:
    source = (
        "import math\nfrom collections import deque\nN = 3\nn: int = 4\n\nclass E(Exception):\n    pass\n"
    )
    text, fault = mended(source)
    assert fault == ""
    assert dumped(text) == dumped(source)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("import os", "it imports os"),
        ("import os.path as p", "it imports os.path"),
        ("import math, socket", "it imports socket"),
        ("from subprocess import run", "it imports subprocess"),
        ("from . import x", "it imports ."),
        ("import time", "it imports time"),
        ("import random", "it imports random"),
        ("import sys", "it imports sys"),
        ("import ctypes", "it imports ctypes"),
        ("x = open('/etc/passwd')", "it uses open"),
        ("x = eval('1')", "it uses eval"),
        ("x = __import__('os')", "it uses __import__"),
        ("x = input()", "it uses input"),
        ("x = ().__class__", "it uses __class__"),
        ("x = (0).__class__.__base__.__subclasses__()", "it uses __"),
        ("x = globals()", "it uses globals"),
    ],
)
def test_what_reaches_outside_is_refused_wherever_it_stands(line: str, why: str) -> None:
    for source in (
        f"{line}\n{RIGHT}",
        f"def gcd(a, b):\n    {line}\n    return a\n",
        f"class C:\n    def f(self):\n        {line}\n",
    ):
        text, fault = mended(source)
        assert fault.startswith(why)
        assert text == source


def test_a_super_call_is_lawful() -> None:
    assert mended("class E(Exception):\n    def __init__(self):\n        super().__init__('x')\n")[1] == ""


@pytest.mark.parametrize(
    "source", ["def f(:\n", "func F() {}\n", "x = '\x00'\n", "(" * 5000, "x = 1\n" + "  y"]
)
def test_what_is_no_python_is_refused_and_breaks_nothing(source: str) -> None:
    assert mended(source)[1].startswith("it is no Python")


@pytest.mark.parametrize("source", ["", "# nothing\n", "x = 3\n", "print('hello')\n", "import math\n"])
def test_a_program_that_declares_nothing_is_none(source: str) -> None:
    assert mended(source)[1] == "it declares nothing"


def test_no_module_that_reaches_outside_is_allowed() -> None:
    dangerous = {
        "os",
        "sys",
        "io",
        "pathlib",
        "socket",
        "subprocess",
        "time",
        "random",
        "importlib",
        "ctypes",
    }
    assert not dangerous & ALLOWED_IMPORTS


LIMITER = """
class Limiter:
    def __init__(self, rate, burst, now):
        self.rate = rate
        self.burst = burst
        self.tokens: float = burst
        self.now = now
        self.last = now()

    def allow(self):
        self.tokens = min(self.burst, self.tokens + (self.now() - self.last) * self.rate)
        self.last = self.now()
        return self.tokens >= 1
"""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (LIMITER, {}),
        (LIMITER.replace(" * self.rate", ""), {"Limiter": "rate"}),
        (LIMITER.replace("self.now()", "self.last"), {"Limiter": "now"}),
        ("def f(a, b, _c):\n    return a\n", {"f": "b"}),
        ("def f(a, *rest):\n    return a\n", {"f": "rest"}),
        ("def f(a):\n    a += 1\n    return a\n", {}),
        ("def f(n):\n    def g():\n        return n\n    return g()\n", {}),
        ("class C:\n    def put(self, key, value):\n        self.it = key\n", {"C": "value"}),
        ("class C:\n    def __init__(self, n):\n        self.n = n\n        self.m = n + 1\n", {}),
        ("class C:\n  def __init__(self, n):\n    self.n = n\n  def up(self):\n    self.n += 1\n", {}),
        ("class C:\n  def __init__(self, now):\n    self.at = now()\n", {"C": "now"}),
    ],
)
def test_what_a_program_never_looks_at_is_told(source: str, found: dict[str, str]) -> None:
    assert ignored(source) == found
