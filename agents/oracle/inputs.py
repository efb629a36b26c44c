"""Drawing the inputs of an examination: boundary values first, then values at random, by type. Pure.

What counts as a boundary is partly general (0, the empty slice, a string of combining marks) and partly the
spec's own: numbers and quoted texts in its prose, and one more or less of each number (`hints.py`). The same
API, hints and seed give the same cases. Types with hidden state get sequences of operations after a
constructor. Values that languages are known to treat differently (case rules of single letters, integers
near overflow) are not drawn. Inputs that nobody draws may come of another function: `fed.py`. Next:
`witnesses.py`, which finds out what the cases should give.
"""

import base64
import random
from collections.abc import Iterator, Sequence
from itertools import islice, product

from guildbus.agents.oracle.gotypes import Api, Callable, GoType
from guildbus.agents.oracle.hints import LETTERS, Hints
from guildbus.agents.oracle.values import Json, canonical

CASES = 240
"""Cases a callable, before those are taken out on which witnesses say nothing."""
SEQUENCES = 200
LONGEST_SEQUENCE = 12
LONGEST_CROWDED = 20
_LONGEST_LIST = 8

_INTS = (
    0,
    1,
    -1,
    2,
    3,
    -2,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    15,
    16,
    18,
    -5,
    -12,
    27,
    50,
    63,
    99,
    100,
    255,
    1000,
)
_FLOATS = (0.0, 1.0, -1.0, 0.5, 2.0, 1.5, -2.5, 10.0, 0.1, 100.0, 1e-3, 1234.5, 1e6)
_SECONDS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 60.0, 3600.0)
_STRINGS = (
    "",
    "a",
    "A",
    "ab",
    "aa",
    "aba",
    "abc",
    "Hello, World!",
    "hello world",
    "Madam, in Eden: I'm Adam",
    "No 'x' in Nixon",
    "  two  spaces ",
    "12321",
    "1a2",
    "été",
    "Ésope reste ici et se repose",
    "こんにちは",
    "日本語日",
    "Привет, мир",
    "e\u0301a",
    "a,b;c",
    "line\nbreak",
    "\t",
    ".,!?",
    "0",
    "MixedCASE",
    "aabbccdd",
    "zyx",
    "x🙂y",
)
_RUNES = "abzAZ09 _-.,é日я"
_CAPACITIES = (1, 2, 3, 0, 1, 2, 5, 4)
_FEW = (1, 2, 3, 0, 1, 2, 4, 5, 7, 9)


def cases_for(api: Api, callable_: Callable, hints: Hints, seed: int = 1, count: int = CASES) -> list[Json]:
    """Cases of a function, or of a method on a plain value. Fewer where there are not so many inputs."""
    draw = _Draw(random.Random(f"{seed}/{callable_.full_name}"), hints)
    types = [p.type for p in callable_.parameters]
    if callable_.receiver:
        types.insert(0, api.types[callable_.receiver])
    found: dict[str, Json] = {}
    for args in islice(draw.argument_lists(types, count), count * 20):
        case = {"call": callable_.full_name, "args": args}
        found.setdefault(canonical(case), case)
        if len(found) >= count:
            break
    return list(found.values())


def sequences_for(api: Api, name: str, hints: Hints, seed: int = 1, count: int = SEQUENCES) -> list[Json]:
    """Sequences of operations on an object type: a constructor, then its methods at random.

    Every second one is crowded: long, with few and small values, so that what is full, or gone, shows.
    """
    makers = [c for c in api.constructors(name) if not c.obstacle]
    methods = [c for c in api.methods(name) if not c.obstacle]
    draw = _Draw(random.Random(f"{seed}/{name}"), hints)
    found: dict[str, Json] = {}
    for _ in range(count * 10 if makers and methods else 0):
        crowded = len(found) % 2 == 1
        case = draw.sequence(name, draw.random.choice(makers), methods, crowded=crowded)
        found.setdefault(canonical(case), case)
        if len(found) >= count:
            break
    return list(found.values())


class _Draw:
    """One stream of values."""

    def __init__(self, source: random.Random, hints: Hints) -> None:
        self.random = source
        near = [n + d for n in hints.ints for d in (0, 1, -1)]
        self._ints = list(dict.fromkeys((*_INTS, *near)))
        self._floats = list(dict.fromkeys((*_FLOATS, *hints.floats)))
        self._strings = list(dict.fromkeys((*hints.texts, *_STRINGS)))
        self._alphabet = hints.alphabet
        self._capacities = (*_CAPACITIES, -1) if hints.below else _CAPACITIES

    def argument_lists(self, types: Sequence[GoType], count: int) -> Iterator[list[Json]]:
        """Boundary values in combination for up to half of `count`, then at random without end."""
        pools = [self._boundaries(of) for of in types]
        everything = 1
        for pool in pools:
            everything *= len(pool)
        if everything <= count // 2:
            yield from (list(args) for args in product(*pools))
        else:
            longest = max((len(pool) for pool in pools), default=0)
            for index in range(longest):
                yield [pool[index % len(pool)] for pool in pools]
            for _ in range(count // 2 - longest):
                yield [self.random.choice(pool) for pool in pools]
        while types:
            yield self._together([self.value(of) for of in types], types)

    def _together(self, args: list[Json], types: Sequence[GoType]) -> list[Json]:
        """Now and then two arguments of one type are equal, or close: where bugs of comparison sit."""
        if len(args) > 1 and self.random.random() < 0.2:
            i, j = self.random.sample(range(len(args)), 2)
            if types[i] == types[j]:
                args[i] = args[j]
        return args

    def sequence(self, name: str, maker: Callable, methods: Sequence[Callable], *, crowded: bool) -> Json:
        """One object's life. Few different values, so that what was put in is asked for again."""
        clocked = any(p.type.kind == "clock" for p in maker.parameters)
        small: dict[str, list[Json]] = {}

        def some(of: GoType) -> Json:
            if crowded and of.kind == "int":
                return self.random.choice([n for n in _FEW if of.least <= n <= of.most])
            pool = small.setdefault(of.text, [self.value(of) for _ in range(4 if crowded else 3)])
            return self.random.choice(pool) if crowded or self.random.random() < 0.8 else self.value(of)

        timed = {"now": 0.0}

        def argument(of: GoType) -> Json:
            if of.kind != "time":
                return some(of)
            timed["now"] += self.random.choice(_SECONDS[:7])
            return timed["now"]

        steps: list[Json] = []
        lengths = (8, LONGEST_CROWDED) if crowded else (3, LONGEST_SEQUENCE)
        for _ in range(self.random.randint(*lengths)):
            if clocked and self.random.random() < 0.35:
                steps.append(["@advance", [self.random.choice(_SECONDS[:7])]])
            method = self.random.choice(methods)
            steps.append([method.name, [argument(p.type) for p in method.parameters]])
        args = [self._small(p.type) for p in maker.parameters]
        return {"type": name, "new": [maker.name, args], "steps": steps}

    def _small(self, of: GoType) -> Json:
        """A constructor's argument: capacities and rates that a short sequence reaches."""
        if of.kind == "int":
            return self.random.choice([n for n in self._capacities if of.least <= n <= of.most])
        if of.kind == "float":
            return self.random.choice([1.0, 2.0, 0.5, 4.0, 10.0])
        if of.kind == "duration":
            return self.random.choice([1.0, 0.5, 2.0, 10.0])
        return self.value(of)

    def _boundaries(self, of: GoType) -> list[Json]:
        match of.kind:
            case "bool":
                return [False, True]
            case "int":
                return [n for n in self._ints if of.least <= n <= of.most]
            case "float":
                return list(self._floats)
            case "time" | "duration":
                return list(_SECONDS)
            case "string":
                return list(self._strings)
            case "rune":
                return [ord(char) for char in dict.fromkeys(_RUNES + self._alphabet)]
            case "byte":
                return [0, 1, 65, 97, 127, 128, 255]
            case "bytes":
                return [_bytes(s.encode()) for s in self._strings[:12]]
            case "list":
                return [
                    [],
                    *([v] for v in self._boundaries(_of(of.elem))[:3]),
                    *(self.value(of) for _ in range(8)),
                ]
            case "map":
                return [{"map": []}, *(self.value(of) for _ in range(8))]
            case "clock":
                return [None]
        return [self.value(of) for _ in range(10)]

    def value(self, of: GoType) -> Json:
        """One value at random; boundary values now and then."""
        roll = self.random.random()
        match of.kind:
            case "int":
                drawn = self._int(roll)
                return drawn if of.least <= drawn <= of.most else abs(drawn) % (min(of.most, 200) + 1)
            case "float":
                exact = self.random.choice(self._floats)
                return exact if roll < 0.4 else round(self.random.uniform(-100, 100), 2)
            case "string":
                return self._string(roll)
            case "byte" if roll >= 0.3:
                return self.random.randrange(256)
            case "bytes":
                return _bytes(self._string(roll).encode() if roll < 0.9 else self.random.randbytes(6))
            case "list":
                return self._list(of)
            case "array":
                return [self.value(_of(of.elem)) for _ in range(of.length)]
            case "map":
                keys = {
                    canonical(k): k
                    for k in (self.value(_of(of.key)) for _ in range(self.random.randint(0, 5)))
                }
                return {"map": [[keys[text], self.value(_of(of.elem))] for text in sorted(keys)]}
            case "struct":
                return self._struct(of)
            case "pointer":
                return None if roll < 0.1 else self.value(_of(of.elem))
            case "any":
                return self.random.choice([self._int(roll), self._string(roll), roll < 0.5])
            case "clock" | "error" | "object" | "unsupported":
                return None
        return self.random.choice(self._boundaries(of))

    def _struct(self, of: GoType) -> Json:
        """Field by field; two numbers of one type mostly in order (a start before its end)."""
        drawn = {name: self.value(part) for name, part in of.fields}
        numbers = [name for name, part in of.fields if part.kind in ("int", "float")]
        if len(numbers) == 2 and self.random.random() < 0.8:
            low, high = sorted(drawn[name] for name in numbers)
            drawn |= dict(zip(numbers, (low, high), strict=True))
        return drawn

    def _int(self, roll: float) -> int:
        if roll < 0.3:
            return self.random.choice(self._ints)
        if roll < 0.65:
            return self.random.randint(-10, 30)
        if roll < 0.9:
            return self.random.randint(0, 1000)
        return self.random.randint(-5000, 100_000)

    def _string(self, roll: float) -> str:
        if roll < 0.25:
            return self.random.choice(self._strings)
        if roll < 0.35:
            return self.random.choice(self._strings) + self.random.choice(self._strings)
        if roll < 0.5:
            return self._mirrored(self.random.choice(self._strings)[:12])
        alphabet = self._alphabet if self._alphabet and roll < 0.85 else f"{LETTERS} ,"
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(0, 12)))

    def _mirrored(self, half: str) -> str:
        """The same from both ends, or nearly: in the other case, with a sign in between."""
        other = half[::-1].swapcase() if self.random.random() < 0.5 else half[::-1]
        middle = self.random.choice(("", "", "-", ", ", "x"))
        return f"{half}{middle}{other}"

    def _list(self, of: GoType) -> list[Json]:
        """Of any order, sorted, or with repeats."""
        drawn = [self.value(_of(of.elem)) for _ in range(self.random.randint(0, _LONGEST_LIST))]
        roll = self.random.random()
        if drawn and roll < 0.3:
            drawn = [self.random.choice(drawn) for _ in drawn]
        if drawn and roll > 0.8 and all(type(one) is type(drawn[0]) for one in drawn):
            drawn.sort(key=lambda one: one if isinstance(one, int | float | str) else canonical(one))
        return drawn


def _of(of: GoType | None) -> GoType:
    assert of is not None
    return of


def _bytes(data: bytes) -> Json:
    return {"bytes": base64.b64encode(data).decode()}
