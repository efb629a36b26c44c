"""go-doc: doc comments for exported functions, and examples that `go test` runs, for a package that is green.

    FinishRequested -> a comment for each function that has none; an Example for each that has none
                    -> go vet and go test in the sandbox; an Example that fails is dropped -> FinishProposed

What an Example shows is a value that the spec states, or one that the model worked out from the spec and that
`go test` then confirms. The output of a run is never written down as what is right: it is evidence about the
code, not about the spec. Read `examples.py` next.
"""

from typing import ClassVar

from go_doc.comments import comment_from_spec, comment_in
from go_doc.examples import Shown, example_of, failed_examples, shown_in
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
    handles,
    said_of,
)

PROMPTS = Prompts(
    __name__, {"comment.md": ("name", "rule", "code"), "values.md": ("name", "rule", "signature")}
)
MOST_QUESTIONS = 6
"""Model calls a package: each is a second or five."""
MOST_EXAMPLES = 2
"""Values that one Example shows."""


class GoDoc(Agent):
    """Comments and examples; the code stays as it is."""

    role = "go-doc"
    emits: ClassVar[tuple[type[Message], ...]] = (FinishProposed,)

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> list[Message]:
        """Document the package folder by folder."""
        work = _Work(message, ctx)
        for folder in dict.fromkeys(task.folder for task in message.plan.tasks):
            await work.document(folder)
        return [await work.proposal()]


class _Work:
    """One package: what was written so far, and what it cost."""

    def __init__(self, request: FinishRequested, ctx: Context) -> None:
        self._request = request
        self._ctx = ctx
        self._tree = request.tree
        self._calls: list[ModelCall] = []
        self._spans: list[Span] = []
        self._comments = 0
        self._examples: dict[str, tuple[str, str]] = {}  # ExampleXxx -> (test file, its code)

    async def document(self, folder: str) -> None:
        """The files of one package."""
        tasks = [task for task in self._request.plan.tasks if task.folder == folder]
        code = [task.path for task in tasks if not task.path.endswith("_test.go") and task.path in self._tree]
        tests = [task.path for task in tasks if task.path.endswith("_test.go") and task.path in self._tree]
        functions = [one for path in code for one in GoSource(self._tree[path]).functions if one.exported]
        names = [one.name for one in functions]
        for path in code:
            for function in GoSource(self._tree[path]).functions:
                if function.exported:
                    rule = said_of(self._request.spec, folder, function.name, names)
                    await self._comment(path, function, rule)
        taken = {name for path in tests for name in GoSource(self._tree[path]).names}
        for function in functions:
            title = f"Example{function.name}"
            if tests and "." not in function.name and title not in taken:
                rule = said_of(self._request.spec, folder, function.name, names)
                await self._show(tests[0], folder, function, rule)

    async def _comment(self, path: str, function: GoFunction, rule: str) -> None:
        """A comment that begins with the name is there already, stated by the spec, or asked for."""
        name = function.name.rpartition(".")[2]
        if function.doc.startswith(f"{name} "):
            return
        comment = comment_from_spec(name, rule)
        if not comment:
            prompt = PROMPTS.fill("comment.md", name=name, rule=rule, code=function.text)
            comment = comment_in(await self._ask(prompt, 60), name)
        if comment:
            self._tree[path] = GoSource(self._tree[path]).with_doc(function.name, comment).text
            self._comments += 1

    async def _show(self, test: str, folder: str, function: GoFunction, rule: str) -> None:
        """Stated values first; where there are none, what the model says they are, for go test to confirm."""
        stated = [
            Shown(one.call, one.want)
            for one in self._request.plan.examples
            if one.folder == folder and one.function == function.name
        ]
        if not stated:
            prompt = PROMPTS.fill("values.md", name=function.name, rule=rule, signature=function.signature)
            stated = shown_in(await self._ask(prompt, 80), function.name)
        package = GoSource(self._tree[test]).package
        qualifier = f"{package.removesuffix('_test')}." if package.endswith("_test") else ""
        code = example_of(function.name, stated[:MOST_EXAMPLES], qualifier)
        if code:
            self._examples[f"Example{function.name}"] = (test, code)

    async def _ask(self, prompt: str, max_tokens: int) -> str:
        if len(self._calls) >= MOST_QUESTIONS:
            return ""
        answer = await self._ctx.complete(prompt, seed=self._request.seed, max_tokens=max_tokens)
        self._calls.append(answer.call)
        return answer.text

    async def proposal(self) -> FinishProposed:
        """What is left once the toolchain has seen it."""
        tree = await self._confirmed()
        if tree is None:
            return self._propose({}, "go vet refuses the package with its comments")
        shown = ", ".join(sorted(self._examples)) or "no example"
        comments = f"{self._comments} comment{'s' * (self._comments != 1)}"
        return self._propose(tree, f"{comments}; {shown}")

    async def _confirmed(self) -> dict[str, str] | None:
        """The tree with those Examples that pass; without any if they do not compile. None: not even that."""
        for _ in range(2):
            tree = self._with_examples()
            vetted = await self._run(tree, "go", "vet", "./...")
            if vetted is None:
                if not self._examples:
                    return None
                self._examples.clear()
                continue
            if not self._examples:
                return tree
            output = await self._run(tree, "go", "test", "-run", "^Example", "-v", "./...", failing=True)
            bad = failed_examples(output or "", self._examples)
            for title in bad:
                del self._examples[title]
            if not bad:
                return tree
        return self._with_examples()

    def _with_examples(self) -> dict[str, str]:
        tree = dict(self._tree)
        for test, code in self._examples.values():
            tree[test] = GoSource(tree[test]).with_declarations(code).with_imports("fmt").text
        return tree

    async def _run(self, tree: dict[str, str], *command: str, failing: bool = False) -> str | None:
        """What a command printed; None if it failed, unless a failure is an answer too."""
        began = self._ctx.clock()
        done = await self._ctx.sandbox(*command, files=tree)
        self._spans.append(Span(kind="toolchain", started_at=began, wall_s=done.wall_s))
        return done.stdout + done.stderr if done.ok or failing else None

    def _propose(self, tree: dict[str, str], note: str) -> FinishProposed:
        return self._request.propose(tree, note=note, calls=self._calls, spans=self._spans)
