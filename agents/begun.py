"""The beginning of a reply, for a model that goes on from it: what is certain of a declaration. Pure.

    package stringkit

    // IsPalindrome reports whether s reads the same forwards and backwards. ...
    func IsPalindrome(s string) bool {

Fence, package clause, the spec's own sentences as the doc comment, and the stated signature: a small model
that has read this writes no prose around the code, and cannot get the name or the types wrong ([ADR
0050](../docs/adr/0050-a-reply-may-be-begun.md)). It ends where a token of the model may end, at a word or
at a line's end and never at a space: a word begins with its space, and after one that stands alone there
are only digits and rare pieces to go on with. And it does not say how the body begins: a model that has
seen an example which begins so goes on with the example's words.

Here is what one function begins with. `sections.py` goes through a whole file like that; `prompting.py`
puts it into the prompt and before the reply.
"""

import re
import textwrap
from itertools import dropwhile

from guildbus.agents.go_fragments import declaration
from guildbus.agents.said_of import sentences_about
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Signature

FENCE = "```go\n"
_DOC_CHARS = 100
_LONGEST_RULE_CHARS = 1200
_ERROR_VALUE = re.compile(r"(?<![\w.])Err[A-Z]\w*")
_MARKUP = ("```", "~~~", "##")
"""Signs of a text that is laid out, and would be no comment in one piece."""


def begun_for(request: DraftRequested) -> str:
    """How the reply to a request for one function, method or test begins; '' where none is asked for."""
    before = f"{FENCE}package {request.task.package}\n\n"
    if request.scope in request.task.tests:
        return before + head_of_test(request.task, request.scope)
    stated = next((one for one in request.api if one.name == request.scope), None)
    return before + head_of(request, stated) if stated and stated.text.startswith("func ") else ""


def head_of_test(task: FileTask, name: str) -> str:
    """A test up to its body, with what the spec says of it above."""
    sentences = sentences_about(task.purpose, name, task.tests)
    told = " ".join(dropwhile(lambda sentence: not sentence.startswith(name), sentences))
    return f"{commented(told)}func {name}(t *testing.T) {{\n"


def head_of(request: DraftRequested, stated: Signature) -> str:
    """A function up to its body.

    Where no sentence of the spec would do as a doc comment there is none. Where the stated signature does not
    name its parameters, the model writes them.
    """
    name = stated.name.rpartition(".")[2]
    comment = doc_comment(request, name, stated.text)
    if _names_all(stated):
        return f"{comment}{stated.text} {{\n"
    place = re.search(rf"\b{re.escape(name)}(?=[\[(])", stated.text)
    return f"{comment}{stated.text[: place.end()] if place is not None else stated.text}"


def doc_comment(request: DraftRequested, name: str, text: str) -> str:
    """The spec's sentences about what is declared as `text`, from the one that begins with its name.

    The text stands for the name, as in `GCD(a, b int) int returns ...`. '' if none is certain.
    """
    names = [*(one.name for one in request.api), *error_values(request)]
    stated = " ".join(text.split())
    for prose in (request.task.purpose, request.overview.replace(request.task.purpose, "")):
        plain = " ".join(prose.split()).replace(stated, name).replace(stated.removeprefix("func "), name)
        own = (said for said in sentences_about(plain, name, names) if not said.startswith("func "))
        rule = " ".join(dropwhile(lambda sentence: not _defines(sentence, name), own))
        if rule and len(rule) <= _LONGEST_RULE_CHARS and not any(mark in rule for mark in _MARKUP):
            return commented(rule)
    return ""


def error_values(request: DraftRequested) -> list[str]:
    """The error values that the purpose only speaks of, as in `returns ErrEmpty`."""
    purpose = request.task.purpose
    found = dict.fromkeys(_ERROR_VALUE.findall(purpose))
    stated = {one.name for one in request.api}
    return [name for name in found if name not in stated and f"type {name}" not in purpose]


def commented(text: str) -> str:
    """A text as the lines of a comment."""
    lines = textwrap.wrap(text, _DOC_CHARS, break_long_words=False, break_on_hyphens=False)
    return "".join(f"// {line}\n" for line in lines)


def _defines(sentence: str, name: str) -> bool:
    """Whether it reads like the first sentence of a doc comment."""
    return sentence.startswith(f"{name} ") and sentence[len(name) + 1 :][:1].islower()


def _names_all(signature: Signature) -> bool:
    """Whether a body could use every parameter."""
    node = declaration(f"{signature.text} {{}}")
    parameters = node.child_by_field_name("parameters") if node is not None else None
    return parameters is not None and all(
        child.type == "comment" or child.children_by_field_name("name") for child in parameters.named_children
    )
