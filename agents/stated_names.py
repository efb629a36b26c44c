"""Names that a spec's prose states: a file's package, its tests, the Go version.

Prose is written by people, so each rule takes the forms that specs really use (`package x.`
at the start of a purpose, `TestX: ...`) and leaves the rest to a default. Next: `planning.py`.
"""

import re
from collections.abc import Mapping

from guildbus.agents.stated import flat
from guildbus.protocols.spec_rules import is_go_identifier

DEFAULT_GO = "1.23"

_PURPOSE_PACKAGE = re.compile(r"[`'\"]?[Pp]ackage\s+([A-Za-z_]\w*)\b[`'\"]?")
_QUOTED_PACKAGE = re.compile(r"[`'\"]package\s+([a-z_]\w*)[`'\"]")
_DESCRIPTION_PACKAGE = re.compile(
    r"\b(?:[Aa]ll|[Ee]very|[Ee]ach)\s+files?\s+uses?\s+package\s+[`'\"]?([a-z_]\w*)"
)
_SENTENCE_GOES_ON = re.compile(r"\s*\w")
_NO_PACKAGE_NAMES = frozenset(
    [
        "level",
        "scope",
        "wide",
        "comment",
        "comments",
        "doc",
        "docs",
        "documentation",
        "clause",
        "of",
        "for",
        "with",
        "that",
        "which",
        "has",
        "holds",
        "is",
        "contains",
        "provides",
        "implements",
        "implementing",
        "providing",
        "containing",
        "under",
        "and",
        "or",
        "in",
        "the",
        "a",
        "an",
    ]
)
_TEST = re.compile(r"(?<![\w.])Test(?:[A-Z0-9_]\w*)")
_DEFINED = re.compile(r"[`'\"]?\s*(?::|—|–|-\s|\()")  # noqa: RUF001  (dashes that specs use)
_UNWANTED = re.compile(r"\b(not|never|no|without|unlike|don't)\s+(?:\w+\s+){0,3}[`'\"]?$", re.IGNORECASE)
_GO_VERSION = re.compile(r"\bgo\s+(1\.\d{1,2}(?:\.\d{1,2})?)\b", re.IGNORECASE)


def package_of(purpose: str) -> str:
    """The package that a file's purpose states, '' if it states none."""
    text = flat(purpose)
    match = _PURPOSE_PACKAGE.match(text) or _QUOTED_PACKAGE.search(text)
    if match is None:
        return ""
    name = match.group(1)
    is_word = name in _NO_PACKAGE_NAMES and _SENTENCE_GOES_ON.match(text, match.end())
    return name if not is_word and is_go_identifier(name) else ""


def package_of_all(description: str) -> str:
    """The package that a description gives to all files, '' if it gives none."""
    match = _DESCRIPTION_PACKAGE.search(flat(description))
    name = match.group(1) if match else ""
    return name if name not in _NO_PACKAGE_NAMES and is_go_identifier(name) else ""


def package_from_path(folder: str, module: str) -> str:
    """A package name from the folder's last part, or the module's for the root.

    A major version (`v2`) is passed over; characters that no identifier holds are left out.
    """
    parts = [part for part in (folder or module).split("/") if part]
    if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
        parts.pop()
    letters = re.sub(r"\W", "", re.sub(r"\.(v\d+|go)$", "", parts[-1]), flags=re.ASCII).lower()
    if letters and letters[0].isdigit():
        letters = f"p{letters}"
    return letters if is_go_identifier(letters) else f"{letters}pkg"


def asked_tests(purposes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The tests that each test file of one package is asked for: path -> names, in order.

    `purposes` maps the package's test files to their prose. A name in two files belongs to the
    one that defines it (`TestX: ...`), else to the first; one that the prose only warns of
    (`do not write TestX`) belongs to none. TestMain and the placeholder TestXxx are no tests.
    """
    owners: dict[str, str] = {}
    defined: set[str] = set()
    found: dict[str, list[str]] = {path: [] for path in purposes}
    for path, purpose in purposes.items():
        text = flat(purpose)
        for match in _TEST.finditer(text):
            name = match.group()
            defines = _DEFINED.match(text, match.end()) is not None
            if name in {"TestMain", "TestXxx", "TestXXX"} or (not defines and _unwanted(text, match.start())):
                continue
            if name not in owners or (defines and name not in defined):
                owners[name] = path
            if defines:
                defined.add(name)
            if name not in found[path]:
                found[path].append(name)
    return {path: tuple(name for name in names if owners[name] == path) for path, names in found.items()}


def go_version(*prose: str) -> str:
    """The language version that the prose states, else one that every toolchain we ship knows."""
    for text in prose:
        match = _GO_VERSION.search(flat(text))
        if match:
            return match.group(1)
    return DEFAULT_GO


def _unwanted(text: str, start: int) -> bool:
    return _UNWANTED.search(text, max(0, start - 60), start) is not None
