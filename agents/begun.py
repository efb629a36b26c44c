"""The beginning of a reply, for a model that goes on from it: what is certain of one function. Pure.

    package stringkit

    // IsPalindrome reports whether s reads the same forwards and backwards. ...
    func IsPalindrome(s string) bool {
        // First

Fence, package clause, the spec's own sentences as the doc comment, the stated signature, and the first word
of the steps: a small model that has read this writes no prose around the code, and cannot get the name or the
types wrong ([ADR 0050](../docs/adr/0050-a-reply-may-be-begun.md)). `prompting.py` puts it into the prompt and
before the reply.
"""

import textwrap
from itertools import dropwhile

from guildbus.agents.go_fragments import declaration
from guildbus.agents.said_of import sentences_about
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Signature

_STEPS = "\t// First "
_DOC_CHARS = 100
_LONGEST_RULE_CHARS = 1200
_MARKUP = ("```", "~~~", "##")
"""Signs of a text that is laid out, and would be no comment in one piece."""


def begun_for(request: DraftRequested) -> str:
    """How the reply to a request for one function begins; '' where no plain function is asked for.

    Where no sentence of the spec would do as a doc comment, the model writes that itself; where the stated
    signature does not name its parameters, the model writes them.
    """
    name = request.scope
    stated = next((one for one in request.api if one.name == name), None)
    if stated is None or not stated.text.startswith("func ") or "." in name:
        return ""
    head = f"```go\npackage {request.task.package}\n\n"
    rule = _rule(request, stated)
    if not rule:
        return f"{head}// {name} "
    doc = textwrap.wrap(rule, _DOC_CHARS, break_long_words=False, break_on_hyphens=False)
    comment = "".join(f"// {line}\n" for line in doc)
    opening = f"{stated.text} {{\n{_STEPS}" if _names_all(stated) else f"func {name}"
    return f"{head}{comment}{opening}"


def _rule(request: DraftRequested, stated: Signature) -> str:
    """The spec's sentences about a function, from the one that begins with its name; '' if none is certain.

    Its signature stands for the name, as in `GCD(a, b int) int returns ...`.
    """
    names = [one.name for one in request.api]
    signature = " ".join(stated.text.split())
    for text in (request.task.purpose, request.overview.replace(request.task.purpose, "")):
        told = (
            sentence.replace(signature, stated.name).replace(signature.removeprefix("func "), stated.name)
            for sentence in sentences_about(text, stated.name, names)
        )
        rule = " ".join(dropwhile(lambda sentence: not _defines(sentence, stated.name), told))
        if rule and len(rule) <= _LONGEST_RULE_CHARS and not any(mark in rule for mark in _MARKUP):
            return rule
    return ""


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
