"""From a draft request to a prompt, and from a model's reply back to a Go file. Pure.

A prompt is made from its `DraftRequested` alone, as a row of named parts whose texts, one after the
other, are exactly what the model reads (system text first, the beginning of its reply last). So the
manifest that travels with each model call is no claim about the prompt: it is the prompt, hashed part by
part.

Parts that never change between the drafts of one file come first (system, spec, signatures, stated
values), what varies comes last (other files, the previous text, evidence, the instruction): a server
with a prompt cache pays for the common prefix once. The texts live in `prompts/*.md`; they show a
shape rather than state rules, because a small model follows shapes. Whoever writes a test never sees
a body of the code under test: `prompt_for` refuses to make such a prompt.

Next: `specialist.py`, which asks the model.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import Literal

from guildbus.agents.begun import begun_for
from guildbus.agents.framed import frame_of, framed_source
from guildbus.agents.golang.splice import with_function
from guildbus.agents.planning import is_test
from guildbus.agents.prompt_texts import template
from guildbus.agents.reply_source import extract_source
from guildbus.agents.row_votes import VOTES, DoubtedRow, doubted_rows, voted_source
from guildbus.agents.sections import NOT_CODE, Section
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.messages.draft import DraftRequested, Evidence, ManifestPart

PartKind = Literal[
    "system", "spec", "api", "body", "previous", "evidence", "example", "instruction", "reference", "begun"
]

_FIRST_TEMPERATURES = (0.1, 0.7, 0.8, 0.9, 0.6)
_REPAIR_TEMPERATURES = (0.3, 0.7, 0.9, 0.8, 0.6)
_MOST_EVIDENCE = 6
_LONGEST_EVIDENCE_CHARS = 400
_ROW_TOKENS = 60
_SEED_SPACE = 2**31 - 1
_COMPLETE = "\n\nComplete this:\n"

_STOP = ("\n```\n\n",)
_STOP_IMPLEMENTATION = (*_STOP, *NOT_CODE)


class PromptLeak(GuildbusError):
    """A test's author would have been shown an implementation body: a mistake in the program."""

    code = "draft.leak"


@dataclass(frozen=True)
class Prompt:
    """What one model call sends. `manifest` covers `system + user + begun`, part by part, in order.

    `begun` is the beginning of the reply, for a model that goes on from it ('' for none; see `in_one_turn`).
    `temperature` and `max_tokens` are what its author would take: what `guild.toml` states goes before them,
    by its place `step` on a ladder of temperatures (`drawing.py`). `room` is a bound that nothing goes over.
    `fixed` says that an agent asked for this temperature itself. `place` is that of the model in the agent's
    fleet that is asked first; those before it are asked last.
    """

    system: str
    user: str
    manifest: tuple[ManifestPart, ...]
    temperature: float
    seed: int
    max_tokens: int
    stop: tuple[str, ...]
    begun: str = ""
    step: int = 0
    room: int | None = None
    fixed: bool = False
    place: int = 0


@dataclass(frozen=True)
class _Part:
    kind: PartKind
    name: str
    text: str

    def manifest(self) -> ManifestPart:
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return ManifestPart(kind=self.kind, name=self.name, sha256=digest, size_chars=len(self.text))


def prompt_for(request: DraftRequested, candidate: int) -> Prompt:
    """The prompt of one candidate (counted from 0 within its request), to be written in one piece.

    The reply to a request for one function is begun (`begun.py`). Of its candidates the even ones see the
    right program and the odd ones do not: either way as many are right, and they fail differently.

    Raises PromptLeak if the file is a test and the request would show a body of other code.
    """
    begun = begun_for(request)
    if begun and candidate % 2:
        request = request.model_copy(update={"reference": ""})
    rows = doubted_rows(request)
    if rows:
        prompt = _prompt(request, candidate, "go_rows.md", _row_parts(request, rows), _Part("begun", "", ""))
        return replace(prompt, max_tokens=_ROW_TOKENS * len(rows), stop=())
    mending = bool(request.previous) and request.reason != "cross"
    role = "test" if is_test(request.task.path) else "dev"
    kind = "function" if request.scope else "repair" if mending else "first"
    parts = _user_parts(request, f"{role}_{kind}.md", mending=mending)
    system = "go_test.md" if role == "test" else shape_for(request)
    prompt = _prompt(request, candidate, system, parts, _Part("begun", request.scope, begun))
    return replace(prompt, stop=(*prompt.stop[:1], *_stop_after(request))) if begun else prompt


def section_prompt(request: DraftRequested, candidate: int, text: str, section: Section) -> Prompt:
    """The prompt for one section of a file: `text` is the file so far, and where the model goes on.

    Raises PromptLeak as `prompt_for` does.
    """
    writes_test = is_test(request.task.path)
    system = "go_test_section.md" if writes_test else shape_for(request)
    parts = _user_parts(request, "test_first.md" if writes_test else "dev_first.md", mending=False)
    prompt = _prompt(request, candidate, system, parts, _Part("begun", section.name, text))
    return replace(prompt, max_tokens=section.room, stop=section.stop)


def shape_for(request: DraftRequested) -> str:
    """The system prompt for whoever writes code: a small model copies the shape that it is shown.

    Having seen numbers alone it takes bytes for letters, and sorts the list that it was given.
    """
    asked = [one.text for one in request.api if request.scope in ("", one.name)]
    signatures = "\n".join(asked).replace("[]byte", "string")
    if "func (" in signatures:
        return "go_dev_type.md"
    if "[]" in signatures or "map[" in signatures:
        return "go_dev_slice.md"
    return "go_dev_text.md" if re.search(r"\b(string|rune)\b", signatures) else "go_dev_number.md"


def _stop_after(request: DraftRequested) -> tuple[str, ...]:
    """Where a reply with one function would go on to another one that the file has. Two stops at most."""
    heads = {name: f"func {name}(" for name in request.task.tests} or {
        one.name: one.text for one in request.api if one.text.startswith("func ")
    }
    names = list(heads)
    place = names.index(request.scope) if request.scope in heads else 0
    following = [name for name in (*names[place + 1 :], *names) if name != request.scope][:1]
    return tuple(
        stop for name in following for stop in (f"\n// {name.rpartition('.')[2]}", f"\n{heads[name]}")
    )


def _prompt(
    request: DraftRequested, candidate: int, name: str, user: Iterable[_Part], begun: _Part
) -> Prompt:
    _refuse_leaks(request)
    system = _Part("system", name, template(name))
    parts = tuple(part for part in user if part.text)
    return Prompt(
        system=system.text,
        user="".join(part.text for part in parts),
        begun=begun.text,
        manifest=tuple(part.manifest() for part in (system, *parts, begun) if part.text),
        temperature=_temperature(request, candidate),
        step=_step(request, candidate),
        seed=_seed(request, candidate),
        max_tokens=_max_tokens(request),
        place=request.place,
        stop=_STOP if is_test(request.task.path) else _STOP_IMPLEMENTATION,
    )


def in_one_turn(prompt: Prompt) -> Prompt:
    """The same for a model that does not go on from a begun reply: the beginning ends the user's turn."""
    if not prompt.begun:
        return prompt
    lead = _Part("instruction", "begun", _COMPLETE).manifest()
    return replace(
        prompt,
        user=f"{prompt.user}{_COMPLETE}{prompt.begun}",
        begun="",
        manifest=(*prompt.manifest[:-1], lead, *prompt.manifest[-1:]),
    )


def draws_for(request: DraftRequested, wanted: int) -> int:
    """How many replies to ask for: `wanted` drafts, or the votes of a row that is in doubt."""
    return VOTES if doubted_rows(request) else wanted


def sources_from(request: DraftRequested, replies: Sequence[str]) -> list[str]:
    """The files that the replies come to: one each, or one for all where they vote on rows.

    A reply that was begun is what came after its beginning. Of a test whose frame is certain only the cases
    are taken (`framed.py`).
    """
    rows = doubted_rows(request)
    if rows:
        return [voted_source(request, rows, replies)]
    if request.scope:
        begun = begun_for(request)
        sources = [_spliced(request, begun, reply) for reply in replies]
    else:
        sources = [extract_source(reply, request.task) for reply in replies]
    frame = frame_of(request)
    if frame is not None:
        sources = [framed_source(request, frame, source) or source for source in sources]
    return [source for source in sources if source] or sources[:1]


def _spliced(request: DraftRequested, begun: str, reply: str) -> str:
    """The file with the reply's function: read on from `begun`, or alone where the model began anew."""
    for text in dict.fromkeys((f"{begun}{reply}", reply)):
        source = with_function(request.previous, request.scope, extract_source(text, request.task))
        if source:
            return source
    return ""


def _refuse_leaks(request: DraftRequested) -> None:
    if not is_test(request.task.path):
        return
    for file in request.visible:
        if file.view == "body" and not file.path.endswith("_test.go"):
            raise PromptLeak(
                f"the author of a test would see the body of {file.path}",
                where=request.task.path,
                remedy="show it as its exported declarations (view 'api')",
            )


def _user_parts(request: DraftRequested, instruction: str, *, mending: bool) -> Iterator[_Part]:
    """The parts of the user's turn; one with an empty text is left out."""
    task = request.task
    yield _Part("spec", task.path, _spec(request))
    yield _Part("api", task.folder or ".", _section("Exported:", (sign.text for sign in request.api)))
    yield _Part("example", task.folder or ".", _section("Stated values:", _stated_values(request)))
    for file in request.visible:
        kind: PartKind = "body" if file.view == "body" else "api"
        yield _Part(kind, file.path, f"{file.path} exists already:\n{_fenced(file.content)}\n")
    if request.reference:
        yield _Part(
            "reference",
            task.path,
            f"A right program in Python:\n```python\n{request.reference.strip()}\n```\n\n",
        )
    if mending and not request.scope:
        yield _Part("previous", task.path, f"{task.path} as you wrote it:\n{_fenced(request.previous)}\n")
    complaints = (f"- {text}" for text in _complaints(request))
    yield _Part("evidence", task.path, _section("What is wrong:" if mending else "Beware:", complaints))
    yield _Part("instruction", task.path, _instruction(request, instruction))


def _row_parts(request: DraftRequested, rows: Sequence[DoubtedRow]) -> Iterator[_Part]:
    """The parts of a prompt for single values: the rule, the signatures, and the calls."""
    task = request.task
    yield _Part("spec", task.path, _spec(request))
    yield _Part("api", task.folder or ".", _section("Functions:", (sign.text for sign in request.api)))
    calls = dict.fromkeys(f"{row.call}:" for row in rows)
    text = Template(template("rows_repair.md")).substitute(calls="\n".join(calls))
    yield _Part("instruction", task.path, text.strip("\n"))


def _spec(request: DraftRequested) -> str:
    """The overview, and the purpose where the overview does not hold it already."""
    texts = [request.overview.strip()]
    if request.task.purpose.strip() not in request.overview:
        texts.append(request.task.purpose.strip())
    return "".join(f"{text}\n\n" for text in texts if text)


def _section(title: str, lines: Iterator[str]) -> str:
    body = "\n".join(lines)
    return f"{title}\n{body}\n\n" if body else ""


def _stated_values(request: DraftRequested) -> Iterator[str]:
    """Those that the prose leaves out: every word of a prompt is paid for."""
    said = "".join(f"{request.overview} {request.task.purpose}".split())
    for example in request.examples:
        line = f"{example.call} = {example.want}"
        if "".join(line.split()) not in said:
            yield line


def _fenced(source: str) -> str:
    return f"```go\n{source.strip()}\n```\n"


def _complaints(request: DraftRequested) -> Iterator[str]:
    """One line of evidence each, with the line of code that it is about, no two the same."""
    seen: set[str] = set()
    for item in request.evidence:
        text = " ".join(item.text.split())
        text = text if text.startswith(item.where) else f"{item.where}: {text}"
        line = _line_at(request, item)
        text = f"{text[:_LONGEST_EVIDENCE_CHARS]}{f' (the line `{line}`)' if line else ''}"
        if text not in seen and len(seen) < _MOST_EVIDENCE:
            seen.add(text)
            yield text


def _line_at(request: DraftRequested, item: Evidence) -> str:
    """The line of the previous text that `where` (`path:line`) points at: models count lines badly."""
    path, _, number = item.where.partition(":")
    lines = request.previous.splitlines()
    row = number.partition(":")[0]
    if request.reason == "cross" or path != request.task.path or not row.isdecimal():
        return ""
    return lines[int(row) - 1].strip() if 0 < int(row) <= len(lines) else ""


def _instruction(request: DraftRequested, name: str) -> str:
    task = request.task
    functions = ", ".join(sign.name for sign in request.api)
    text = Template(template(name)).substitute(
        path=task.path,
        package=task.package,
        tests=", ".join(task.tests) or "a TestXxx for each function",
        functions=functions or "the code under test",
        min_cases=request.min_cases or "three",
        function=request.scope,
        steps="the steps of the right program" if request.reference else "the steps",
    )
    return text.strip("\n")


def _temperature(request: DraftRequested, candidate: int) -> float:
    ladder = _FIRST_TEMPERATURES if request.reason == "first" else _REPAIR_TEMPERATURES
    return rung(ladder, _step(request, candidate))


def _step(request: DraftRequested, candidate: int) -> int:
    """Each candidate has its own; what the gates refused starts warmer, or it would come out the same."""
    return request.drawn + candidate + (request.round if request.after_refusal else 0)


def rung(ladder: Sequence[float], step: int) -> float:
    """A step of a ladder of temperatures, from 0. Beyond its end it goes round without the first one."""
    if step < len(ladder):
        return ladder[step]
    return ladder[1 + step % (len(ladder) - 1)] if len(ladder) > 1 else ladder[0]


def _seed(request: DraftRequested, candidate: int) -> int:
    """A seed of its own for every author, round (to 63) and candidate (to 15) of a build.

    2048 offsets to one seed stay distinct modulo a prime above them, as do those of the next seed.
    """
    author = ("go-dev", "go-test", "oracle").index(request.author)
    offset = (author * 64 + request.round % 64) * 16 + candidate % 16
    return (request.seed * 2048 + offset) % _SEED_SPACE


def _max_tokens(request: DraftRequested) -> int:
    """Room for the file (about three characters a token) and no more: a runaway reply costs minutes."""
    expected = 350 + 200 * len(request.api) if request.api else 1500
    return min(3000, max(expected, 300 + len(request.previous) // 2))
