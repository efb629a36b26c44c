"""A file in sections: what is certain of it is written for the model, which fills in the rest. Pure.

A first draft whose declarations are stated is not asked for in one piece. Section after section the guild
writes what it knows, and the model goes on from there until the section is over:

    package numkit                                        package numkit

    // GCD returns the greatest common divisor ...        import "testing"
    func GCD(a, b int) int {
                     ... the model ...                    func TestGCD(t *testing.T) {
    }                                                         for _, tt := range []struct {
                                                                  why string
                                                                  ...
    // Clamp returns x limited to ...                         }{
    func Clamp(x, lo, hi int) int {                                         ... the model ...
                     ... the model ...                        } {
    }                                                             if got := GCD(tt.a, tt.b); ...

So nothing that is asked for is missing, nothing else is declared, and no word goes around the code. An
answer that went further than its section is kept: what it declares already is not asked for again. The text
so far is the beginning of the next reply, so a server with a prompt cache reads only what is new ([ADR
0051](../docs/adr/0051-first-drafts-in-sections.md)). `specialist.py` asks the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guildbus.agents.begun import FENCE, doc_comment, error_values, head_of, head_of_test
from guildbus.agents.framed import Frame, frame_of
from guildbus.agents.golang.signatures import parse_signature
from guildbus.agents.golang.splice import closed
from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.planning import is_test
from guildbus.agents.table_tests import table_test, whole_file
from guildbus.protocols.messages.draft import DraftRequested

_FENCE_END = "\n```"
_BODY_END = "\n}\n"
_ROWS_END = ("\n\t}", "\n}", _FENCE_END)
NOT_CODE = ("\nfunc Test", "\nfunc main()")
"""Where an implementation is over: what some models add to it."""
_END_OF_ROWS = "\n\t} {\n"
_ROOM = 400
"""Tokens for one section: a long function, or a dozen rows."""
_ROOM_OF_A_LINE = 48


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a file. The model goes on from `head` until it writes one of `stop`; then comes `tail`.

    Without a `tail` what is open is closed. `name` is what it declares.
    """

    name: str
    head: str
    stop: tuple[str, ...]
    tail: str = ""
    room: int = _ROOM


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model made of a section; `cut` says that it was ended in the middle of a line."""

    text: str
    cut: bool = False


def sections_of(request: DraftRequested) -> tuple[Section, ...]:
    """The sections of the file that is asked for; () where it is to be written in one piece.

    What is mended is: its author has the old text to go by. But what the gates refused is drafted anew.
    """
    if request.scope or (request.reason == "repair" and not request.after_refusal):
        return ()
    return tuple(_tests(request) if is_test(request.task.path) else _code(request))


def so_far(sections: Sequence[Section], answers: Sequence[Answer]) -> tuple[str, Section | None]:
    """The text that these answers make, up to where the next one goes on, and its section.

    None for the section: the file is whole.
    """
    text = FENCE
    left = iter(answers)
    for section in sections:
        if section.name in {found.name for found in declarations(parse(text.removeprefix(FENCE)))}:
            continue
        answer = next(left, None)
        if answer is None:
            return f"{text}{section.head}", section
        text += _joined(section, answer)
    return text, None


def _joined(section: Section, answer: Answer) -> str:
    """A section as it stands in the file; a line that was cut off is left out."""
    said = _own(section, answer)
    text = f"{section.head}{said}".rstrip()
    if not section.tail:
        return f"{closed(f'{text}{chr(10)}').rstrip()}\n\n"
    if parse(f"package p\n\n{_rows_alone(said)}").root.has_error:
        text = section.head.rstrip() + "".join(f"\n{line}" for line in said.splitlines() if _is_row(line))
    return f"{text}{section.tail}".rstrip() + "\n\n"


def _rows_alone(text: str) -> str:
    """A table of these rows; the comma behind the last is not its author's worry."""
    return f"var _ = []any{{\n{text.rstrip().removesuffix(',')},\n}}\n"


def _is_row(line: str) -> bool:
    """Whether a line is a row by itself: a text that nobody closed must not swallow all that follows."""
    return line.strip().startswith("{") and not parse(f"package p\n\n{_rows_alone(line)}").root.has_error


def _own(section: Section, answer: Answer) -> str:
    """An answer up to where its section ends, whether or not the server stopped there."""
    text = f"\n{answer.text}"
    ends = [end for stop in section.stop if (end := text.find(stop)) >= 0]
    if not ends and answer.cut:
        ends = [text.rfind("\n")]
    return text[1 : min(ends, default=len(text))]


def _code(request: DraftRequested) -> Iterator[Section]:
    """A section for each type and function that the file is to declare; none if one of them is open."""
    stated = [one for one in request.api if one.name in request.declares]
    kinds = {one.name: found.kind for one in stated if (found := parse_signature(one.text)) is not None}
    functions = [one for one in stated if kinds.get(one.name) in ("func", "method")]
    values = [one for one in stated if kinds.get(one.name) in ("var", "const") and "=" not in one.text]
    if not functions or len(kinds) < len(stated) or any(one.text != _error(one.name) for one in values):
        return
    before = f"package {request.task.package}\n\n"
    for one in stated:
        if one not in functions and one not in values:
            before += f"{doc_comment(request, one.name, one.text)}{one.text}\n\n"
    alone = len(request.declares) == len(request.api)
    for name in (*(one.name for one in values), *(error_values(request) if alone else ())):
        head = f"{doc_comment(request, name, _error(name))}var {name} = errors.New("
        yield Section(name, f"{before}{head}", (")\n", "\n\n"), room=_ROOM_OF_A_LINE)
        before = ""
    following = functions[0].name.rpartition(".")[2]
    for name in dict.fromkeys(one.name.partition(".")[0] for one in functions if "." in one.name):
        if name not in kinds:
            ends = (f"\n// {following} ", "\nfunc ", _FENCE_END)  # types that it needs may come behind it
            yield Section(name, f"{before}{_type(request, name)}", ends)
            before = ""
    for one in functions:
        last = one is functions[-1]
        stop = (_FENCE_END, *NOT_CODE) if last else (_BODY_END, _FENCE_END)
        yield Section(one.name, f"{before}{head_of(request, one)}", stop)
        before = ""


def _error(name: str) -> str:
    """How a spec states an error value that callers compare with."""
    return f"var {name} error"


def _type(request: DraftRequested, name: str) -> str:
    """The beginning of a type that the spec names by its methods alone: first in words what it is to hold."""
    comment = doc_comment(request, name, f"type {name} struct")
    return f"{comment}// For all its methods it holds"


def _tests(request: DraftRequested) -> Iterator[Section]:
    """A section for each test: its rows where the frame is certain, else its body."""
    frame = frame_of(request)
    if frame is not None:
        yield from _tables(request, frame)
        return
    task = request.task
    if not task.tests or task.package.endswith("_test"):
        return
    before = f'package {task.package}\n\nimport "testing"\n\n'
    for name in task.tests:
        stop = _FENCE_END if name == task.tests[-1] else _BODY_END
        yield Section(name, before + head_of_test(task, name), (stop, _FENCE_END))
        before = ""


def _tables(request: DraftRequested, frame: Frame) -> Iterator[Section]:
    """The tables without a row: what the spec states comes later, or a small model would only copy it.

    Above one of several tests of a function stands what the spec says of it: its name alone does not tell.
    """
    tables = {test: table_test(callable_, [], test) for test, callable_ in frame.tests.items()}
    before = whole_file(frame.package, list(tables.values())).partition("func ")[0]
    for test, table in tables.items():
        head, _, tail = table.partition(_END_OF_ROWS)
        if list(frame.tests.values()).count(frame.tests[test]) > 1:
            about = head_of_test(request.task, test)
            head = f"{about}{head.partition(chr(10))[2]}"
        yield Section(test, f"{before}{head}\n", _ROWS_END, f"{_END_OF_ROWS}{tail}")
        before = ""
