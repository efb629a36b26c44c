"""go-bench: a faster implementation of one function of a green package, if it really is faster.

    FinishRequested -> calls to measure, from the model or the spec        -> a benchmark around them
                    -> a faster function                                  (the model)
                    -> go vet, go test, then old and new in turn          (the sandbox)
                    -> FinishProposed, if a significance test says that the new one is faster

The benchmark is a measuring instrument and no part of the package: the spec does not ask for the file, and
its figures belong to one machine. It runs in the sandbox, and what it found stands in the proposal's note.
Read `measuring.py` and `significance.py` next.
"""

from typing import ClassVar

from go_bench.measuring import BENCH_FILE, OLD_AND_NEW, benchmark_of, calls_in, measured
from go_bench.significance import RUNS, compare
from guildbus import (
    Agent,
    Context,
    FinishProposed,
    FinishRequested,
    GoFunction,
    GoSource,
    Message,
    ModelCall,
    Prompts,
    Span,
    code_in,
    handles,
    said_of,
)

PROMPTS = Prompts(
    __name__, {"calls.md": ("name", "rule", "signature"), "faster.md": ("name", "rule", "code")}
)
MOST_FUNCTIONS = 2
LINES_TOKENS = 60
CODE_TOKENS = 250
AFTER_CODE = "\n```\n\n"
"""What a model says behind its code is not waited for."""
LEAST_LEFT_S = 45.0
"""With less time than this no other function is begun."""


class GoBench(Agent):
    """Measures the longest functions, and proposes what is faster."""

    role = "go-bench"
    emits: ClassVar[tuple[type[Message], ...]] = (FinishProposed,)

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> list[Message]:
        """One function after the other; the first that is faster is proposed."""
        race = _Race(message, ctx)
        for path, folder, function in race.runners()[:MOST_FUNCTIONS]:
            left = ctx.left_s
            if left is not None and left < LEAST_LEFT_S:
                break
            found = await race.of(path, folder, function)
            if found is not None:
                return [found]
        return [race.propose({}, "; ".join(race.notes) or "no function to measure")]


class _Race:
    """One package: what was tried, and what it cost."""

    def __init__(self, request: FinishRequested, ctx: Context) -> None:
        self._request = request
        self._ctx = ctx
        self._tree = request.tree
        self._calls: list[ModelCall] = []
        self._spans: list[Span] = []
        self.notes: list[str] = []

    def runners(self) -> list[tuple[str, str, GoFunction]]:
        """(path, folder, function) of the exported functions, the longest first."""
        found = [
            (task.path, task.folder, function)
            for task in self._request.plan.tasks
            if task.path in self._tree and not task.path.endswith("_test.go")
            for function in GoSource(self._tree[task.path]).functions
            if function.exported and "." not in function.name
        ]
        return sorted(found, key=lambda runner: -len(runner[2].text))

    async def of(self, path: str, folder: str, function: GoFunction) -> FinishProposed | None:
        """A faster one, or None and a note that says why not."""
        name = function.name
        rule = said_of(self._request.spec, folder, name, [f.name for _, _, f in self.runners()])
        new = await self._faster(path, function, rule)
        if new is None:
            self.notes.append(f"{name}: no other implementation came")
            return None
        prompt = PROMPTS.fill("calls.md", name=name, rule=rule, signature=function.signature)
        asked = calls_in(await self._ask(prompt, LINES_TOKENS), name)
        stated = [one.call for one in self._request.plan.examples if one.function == name]
        for calls in (asked, stated):
            times = (
                await self._run(new, folder, benchmark_of(self._package(path), name, calls))
                if calls
                else None
            )
            if times is None:
                continue
            found = compare(*times)
            self.notes.append(f"{name}: {found}")
            return self.propose(new, self.notes[-1]) if found.faster else None
        self.notes.append(f"{name}: its tests fail with the new one, or it cannot be measured")
        return None

    async def _faster(self, path: str, function: GoFunction, rule: str) -> dict[str, str] | None:
        """The tree with another implementation; None if the reply holds none."""
        prompt = PROMPTS.fill("faster.md", name=function.name, rule=rule, code=function.text)
        reply = code_in(await self._ask(prompt, CODE_TOKENS))
        try:
            source = GoSource(self._tree[path]).with_function(function.name, reply)
        except KeyError:
            return None
        if function.doc:
            source = source.with_doc(function.name, function.doc)
        same = any(one.text == function.text for one in source.functions)
        return None if same or source.fault else self._tree | {path: source.text}

    async def _run(
        self, new: dict[str, str], folder: str, benchmark: str
    ) -> tuple[list[float], list[float]] | None:
        """Nanoseconds a call of the old and of the new, RUNS of each; None if the new one fails its tests."""
        beside = f"{folder}/{BENCH_FILE}" if folder else BENCH_FILE
        files = {f"old/{path}": text for path, text in (self._tree | {beside: benchmark}).items()}
        files |= {f"new/{path}": text for path, text in (new | {beside: benchmark}).items()}
        began = self._ctx.clock()
        self._ctx.say("measuring old and new in turn")
        done = await self._ctx.sandbox("sh", "-c", OLD_AND_NEW, "sh", f"./{folder}", str(RUNS), files=files)
        self._spans.append(Span(kind="toolchain", started_at=began, wall_s=done.wall_s))
        return measured(done.stdout, RUNS) if done.ok else None

    def _package(self, path: str) -> str:
        return GoSource(self._tree[path]).package

    async def _ask(self, prompt: str, max_tokens: int) -> str:
        answer = await self._ctx.complete(
            prompt, seed=self._request.seed, max_tokens=max_tokens, stop=(AFTER_CODE,)
        )
        self._calls.append(answer.call)
        return answer.text

    def propose(self, tree: dict[str, str], note: str) -> FinishProposed:
        """The answer, with what it cost."""
        return self._request.propose(tree, note=note, calls=self._calls, spans=self._spans)
