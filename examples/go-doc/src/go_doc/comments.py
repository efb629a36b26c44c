"""A doc comment in Go's form: a sentence that begins with the name, by the spec or by a model. Pure."""

import re

LONGEST = 300
_SIGNATURE = r"(?:\([^()]*\))?(?:\s+(?:\([^()]*\)|[\w.*\[\]]+))?"


def comment_from_spec(name: str, rule: str) -> str:
    """`GCD(a, b int) int returns the ...` without the signature; '' where the spec has no such sentence."""
    verbs = "returns|reports|adds|removes|computes|gives|holds|sets|makes|counts|splits|joins|parses"
    found = re.search(rf"\b{re.escape(name)}{_SIGNATURE}\s+((?:{verbs})\b.*?\.)(?=\s|$)", rule)
    return _tidy(f"{name} {found[1]}") if found else ""


def comment_in(reply: str, name: str) -> str:
    """The sentence of a reply that is a comment on `name`; '' if it has none, or goes on for too long."""
    for line in reply.splitlines():
        text = line.strip().strip("`").removeprefix("//").strip()
        if text.startswith(f"{name} ") and "{" not in text:
            return _tidy(text)
    return ""


def _tidy(text: str) -> str:
    """One line with a full stop."""
    text = " ".join(text.split())
    sentence = text if text.endswith(".") else f"{text}."
    return sentence if len(sentence) <= LONGEST else ""
