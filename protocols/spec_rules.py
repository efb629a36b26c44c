"""What a name, a path, a module and an import in a spec may be.

Each rule takes the text and gives it back, or raises ValueError with a sentence for a person:
what pydantic wants of a validator, and what `guildbus.launch.specfile` shows beside a line.
The text ends up in file names and in go.mod, so the rules are narrow: printable ASCII, no
way out of the tree, nothing that the Go command would ignore or take for something else.
Next: `spec.py`.
"""

import re

MAX_PROSE_CHARS = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATH_ELEMENT = re.compile(r"[A-Za-z0-9_.+~-]+")
_MODULE_ELEMENT = re.compile(r"[A-Za-z0-9_.~-]+")
_STD_IMPORT = re.compile(r"[a-z][a-z0-9]*(/[a-z0-9]+)*")
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_META_MODULES = frozenset({"all", "cmd", "std"})
GO_KEYWORDS = frozenset(
    [
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "type",
        "var",
    ]
)


def name(text: str) -> str:
    """A spec's name; the output folder is called after it."""
    if len(text) > 128:
        raise ValueError("the name is longer than 128 characters")
    if not _NAME.fullmatch(text) or text.endswith("."):
        raise ValueError(f"the name {text!r} must be letters, digits, '.', '_' and '-' only")
    if _WINDOWS_DEVICE.fullmatch(text):
        raise ValueError(f"the name {text!r} is a device's name on some systems")
    return text


def language(text: str) -> str:
    """Only Go is built."""
    if text != "go":
        raise ValueError(f"the language {text!r} is unknown: the guild writes 'go'")
    return text


def path(text: str) -> str:
    """A clean, slash-separated path inside the tree, to a .go file or to go.mod itself."""
    if len(text) > 512:
        raise ValueError("the path is longer than 512 characters")
    if "\\" in text:
        raise ValueError(f"the path {text!r} has a backslash: write '/' between folders")
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:", text):
        raise ValueError(f"the path {text!r} is absolute: write it relative to the package's folder")
    elements = text.split("/")
    if ".." in elements:
        raise ValueError(f"the path {text!r} leaves the tree")
    if "" in elements or "." in elements:
        raise ValueError(f"the path {text!r} is not clean: no empty parts and no '.'")
    for element in elements:
        _path_element(text, element)
    if text == "go.mod":
        return text
    if elements[-1] == "go.mod":
        raise ValueError(f"the path {text!r} would be a second module: only one go.mod, at the top")
    if not text.endswith(".go") or elements[-1] == ".go":
        raise ValueError(f"the path {text!r} is neither a .go file nor go.mod")
    return text


def _path_element(whole: str, element: str) -> None:
    if not _PATH_ELEMENT.fullmatch(element):
        raise ValueError(f"the path {whole!r} may hold letters, digits, '.', '_', '-', '+' and '~' only")
    if element.startswith(("_", ".")) or element in {"testdata", "vendor"}:
        raise ValueError(f"the path {whole!r} has the part {element!r}, which the Go command ignores")
    if element.endswith(".") or _WINDOWS_DEVICE.fullmatch(element):
        raise ValueError(f"the path {whole!r} has the part {element!r}, which not every system can store")


def module(text: str) -> str:
    """A Go module path (golang.org/ref/mod#go-mod-file-ident); it is written into go.mod."""
    if len(text) > 256:
        raise ValueError("the module path is longer than 256 characters")
    elements = text.split("/")
    for element in elements:
        if not _MODULE_ELEMENT.fullmatch(element):
            shape = "parts of letters, digits, '-', '.', '_' and '~', with '/' between them"
            raise ValueError(f"the module path {text!r} must be {shape}")
        if element.startswith(".") or element.endswith("."):
            raise ValueError(f"the module path {text!r} has the part {element!r}: no dot at its ends")
        if _WINDOWS_DEVICE.fullmatch(element):
            raise ValueError(f"the module path {text!r} has the part {element!r}, a device's name")
    if elements[0].startswith("-"):
        raise ValueError(f"the module path {text!r} begins with '-'")
    if elements[0] in _META_MODULES or text == "go":
        raise ValueError(f"the module path {text!r} has a meaning of its own for the Go command")
    return text


def prose(text: str) -> str:
    """A description or a purpose: long enough for any package, short enough for a prompt."""
    if len(text) > MAX_PROSE_CHARS:
        raise ValueError(f"the text is longer than {MAX_PROSE_CHARS} characters: no prompt holds it")
    return text


def std_import(text: str) -> str:
    """An import path that looks like one of the standard library, or "C"."""
    if text != "C" and not _STD_IMPORT.fullmatch(text):
        raise ValueError(f"the import {text!r} is not of the standard library, such as 'os/exec'")
    return text


def is_go_identifier(text: str) -> bool:
    """Whether the text can be a Go package name (ASCII identifiers that are no keyword)."""
    return text.isascii() and text.isidentifier() and text not in GO_KEYWORDS
