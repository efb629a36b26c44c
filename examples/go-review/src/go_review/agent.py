"""go-review: reads a green package against its spec, one function at a time, and mends what is surely wrong.

    FinishRequested -> a claim: a call for which the code breaks the rule     (the model, shown rule and code)
                    -> the call is run: does the code give another value?      (the sandbox)
                    -> its value by the rule? asked again, three times         (the model, not shown the code)
                    -> all agree against the code: a new function, run again   (the model, the sandbox)
                    -> FinishProposed, and the verifier has the last word

A small model computes badly and is sure of itself. So a claim alone changes nothing: it counts if three
answers that have not seen the code agree with it and the code does not. Read `claims.py` next.
"""

from dataclasses import dataclass
from typing import ClassVar

from go_review.claims import Claim, claims_in, probe_of, probed, value_in
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
    __name__,
    {
        "claim.md": ("name", "rule", "code"),
        "value.md": ("rule", "signature", "call"),
        "mend.md": ("name", "rule", "code", "call", "got", "want"),
    },
)
VOTES = 3
MOST_FUNCTIONS = 4
MOST_DISPUTES = 2
"""Calls that are voted on, in a whole package."""
LINES_TOKENS = 50
CODE_TOKENS = 250
AFTER_CODE = "\n```\n\n"
"""What a model says behind its code is not waited for."""


@dataclass(frozen=True)
class Place:
    """A function, where it stands, and what the spec says of it."""

    path: str
    folder: str
    function: GoFunction
    rule: str


class GoReview(Agent):
    """Mends one function, or says that there is nothing to mend."""

    role = "go-review"
    emits: ClassVar[tuple[type[Message], ...]] = (FinishProposed,)

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> list[Message]:
        """The first conviction ends the review: what comes after it would be about other code."""
        review = _Review(message, ctx)
        for place in review.places()[:MOST_FUNCTIONS]:
            found = await review.of(place)
            if found is not None:
                return [found]
        return [review.propose({}, f"nothing to mend: {review.summary}")]


class _Review:
    """One package: what was asked, and what it cost."""

    def __init__(self, request: FinishRequested, ctx: Context) -> None:
        self._request = request
        self._ctx = ctx
        self._tree = request.tree
        self._calls: list[ModelCall] = []
        self._spans: list[Span] = []
        self._claims = self._disputes = 0

    @property
    def summary(self) -> str:
        """For the note."""
        return f"{self._claims} claims, {self._disputes} against the code, none upheld"

    def places(self) -> list[Place]:
        """The exported functions; of methods the state would have to be guessed."""
        found: list[Place] = []
        for task in self._request.plan.tasks:
            if task.path.endswith("_test.go") or task.path not in self._tree:
                continue
            functions = [f for f in GoSource(self._tree[task.path]).functions if f.exported]
            names = [function.name for function in functions]
            found += [
                Place(task.path, task.folder, f, said_of(self._request.spec, task.folder, f.name, names))
                for f in functions
                if "." not in f.name
            ]
        return found

    async def of(self, place: Place) -> FinishProposed | None:
        """The edit of one function; None if it stands."""
        name = place.function.name
        prompt = PROMPTS.fill("claim.md", name=name, rule=place.rule, code=place.function.text)
        claims = claims_in(await self._ask(prompt, LINES_TOKENS), name)
        self._claims += len(claims)
        if not claims:
            return None
        for claim, got in zip(claims, await self._values(self._tree, place, claims), strict=True):
            if got is None or got == claim.want or self._disputes >= MOST_DISPUTES:
                continue
            self._disputes += 1
            if not await self._upheld(place, claim):
                continue
            mended = await self._mended(place, claim, got)
            if mended is not None:
                return self.propose(mended, f"{claim.call} was {got}; by the rule it is {claim.want}")
        return None

    async def _upheld(self, place: Place, claim: Claim) -> bool:
        """Whether answers that have not seen the code give the claimed value, every one of them."""
        prompt = PROMPTS.fill(
            "value.md", rule=place.rule, signature=place.function.signature, call=claim.call
        )
        for vote in range(VOTES):
            reply = await self._ask(prompt, LINES_TOKENS, temperature=0.6, sample=vote)
            if value_in(reply, claim.call) != claim.want:
                return False
        return True

    async def _mended(self, place: Place, claim: Claim, got: str) -> dict[str, str] | None:
        """The tree with a function that gives the claimed value; None if none comes of it."""
        function = place.function
        prompt = PROMPTS.fill(
            "mend.md",
            name=function.name,
            rule=place.rule,
            code=function.text,
            call=claim.call,
            got=got,
            want=claim.want,
        )
        reply = code_in(await self._ask(prompt, CODE_TOKENS))
        try:
            source = GoSource(self._tree[place.path]).with_function(function.name, reply)
        except KeyError:
            return None
        if function.doc:
            source = source.with_doc(function.name, function.doc)
        tree = self._tree | {place.path: source.text}
        (now,) = await self._values(tree, place, [claim])
        return tree if now == claim.want else None

    async def _values(self, tree: dict[str, str], place: Place, claims: list[Claim]) -> list[str | None]:
        """What the code gives, as Go prints it; `want` itself where they are equal. None: it does not run."""
        found: list[str | None] = []
        package = GoSource(tree[place.path]).package
        folder = f"{place.folder}/" if place.folder else ""
        for claim in claims:
            began = self._ctx.clock()
            done = await self._ctx.sandbox(
                "go",
                "test",
                "-vet=off",
                "-run",
                "^TestReviewProbe$",
                "-v",
                f"./{folder}",
                files=tree | {f"{folder}review_probe_test.go": probe_of(package, claim)},
                wall_s=20.0,
            )
            self._spans.append(Span(kind="toolchain", started_at=began, wall_s=done.wall_s))
            found.append(probed(done.stdout, claim) if done.ok else None)
        return found

    async def _ask(self, prompt: str, max_tokens: int, *, temperature: float = 0.2, sample: int = 0) -> str:
        seed = self._request.seed * 16 + sample
        answer = await self._ctx.complete(
            prompt, seed=seed, temperature=temperature, max_tokens=max_tokens, stop=(AFTER_CODE,)
        )
        self._calls.append(answer.call)
        return answer.text

    def propose(self, tree: dict[str, str], note: str) -> FinishProposed:
        """The answer, with what it cost."""
        return self._request.propose(tree, note=note, calls=self._calls, spans=self._spans)
