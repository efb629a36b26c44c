"""The exported signatures that a spec states, in `api:` and in the middle of its prose.

A signature in the plan is a contract: the gates hold the implementation to it, and go-test
writes against it before the implementation exists. A wrong one makes every right package
fail, a missing one only costs parallelism. So this file takes what is certain and drops the
rest, and says whether anything was dropped (`Stated.complete`):

    GCD(a, b int) int returns ...          taken: `func GCD(a, b int) int`
    func (s *Stack) Push(v int)            taken: Go's own form leaves nothing open
    type Mode int                          taken
    Set(i int) sets bit i                  dropped: a function without result, or a method?
    Methods: Len() int                     dropped: a method whose receiver is not said
    strings.Map(f, s), writeError(w)       not ours, not exported: no signature at all

Next: `stated_values.py` for the values, `planning.py` for what becomes of both.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import islice

from tree_sitter import Node

from guildbus.agents.go_fragments import PREDECLARED_TYPES, closing, declaration, of_type, text_of
from guildbus.protocols.spec import Signature

_CALL_HEAD = re.compile(r"(?<![\w.])([A-Z]\w*)(?=[(\[])")
_MENTION = re.compile(r"(?<![\w.])([A-Z]\w*)\(")
_TYPE_HEAD = re.compile(r"\btype\s+[A-Z]\w*")
_STRUCT = re.compile(r"\btype\s+([A-Z]\w*)\s+struct\b(?!\s*\{)")
"""A type that the prose names as a struct, and whose fields are its author's own affair."""
_FUNC_BEFORE = re.compile(r"\bfunc\s+(\([^()]*\)\s*)?$")
_METHOD_TALK = re.compile(r"\b(methods?|receivers?|interfaces?|satisf(y|ies))\b", re.IGNORECASE)
_OWNED_CALL = re.compile(r"\b(\w+)(?:\(\))?\.([A-Z]\w*)\(")
_TYPE_TALK = re.compile(
    r"(?:\*|\]|\btype\s+|\b[Aa]n?\s+|\b[Tt]he\s+|\beach\s+)([A-Z]\w*)"
    r"|\b([A-Z]\w*)(?=\s+(?:struct|interface|type|is\s+an?|has|holds|values?)\b|\[|\{)"
)
"""What shows that a capitalised word is a type: it is spoken of as one."""
_GIVES_BACK = re.compile(r"\s*(returns?|reports?|yields?|gives?|computes?)\b")
_STOPS = frozenset(";:\"'`=!?,–—→)]}")  # noqa: RUF001  (an en dash ends a clause in prose)
_PROSE_NAMES = frozenset({"an", "the", "or", "and", "if", "no"})
_LONGEST_RESULT = 160
_MOST_WORDS = 8


@dataclass(frozen=True)
class Stated:
    """What was found. `complete`: a test can be written from the signatures alone."""

    signatures: tuple[Signature, ...] = ()
    complete: bool = False


@dataclass(frozen=True)
class _Span:
    """A stretch of prose that is a Go declaration. `explicit` ones are in Go's own form."""

    signature: Signature
    node: Node
    explicit: bool


def flat(prose: str) -> str:
    """The text with its line breaks as single spaces."""
    return re.sub(r"\s*\n\s*", " ", prose).strip()


def parse_signature(text: str) -> Signature:
    """One entry of `api:`; `func` may be left out. ValueError says what is wrong with it."""
    source = text.strip()
    if not re.match(r"(func|type|var|const)\b", source):
        source = f"func {source}"
    if source.startswith("func"):
        node = declaration(f"{source} {{}}")
        if node is None and declaration(source) is not None:
            raise ValueError(f"{text.strip()!r} has a body: state the signature alone")
    else:
        node = declaration(source)
    signature = None if node is None else _signature(node, source)
    if signature is None:
        raise ValueError(f"{text.strip()!r} is not one Go declaration, such as 'func GCD(a, b int) int'")
    if not signature.name.rpartition(".")[2][:1].isupper():
        raise ValueError(f"{text.strip()!r} is not exported: its name must begin with a capital letter")
    return signature


def signatures_in(prose: str, tests: str = "", *, package: str = "") -> Stated:
    """The signatures that a package's prose states.

    `prose` describes its implementation; `tests` describes its test files, which never declare
    anything but show what is called, and how; `package` is the package's name.
    """
    prose, tests = flat(prose), flat(tests)
    known = {name for names in _TYPE_TALK.findall(prose) for name in names}
    spans = [*_types(prose, known), *_functions(prose, known)]
    owned = {name for owner, name in _OWNED_CALL.findall(f"{prose} {tests}") if owner != package}
    has_methods = _METHOD_TALK.search(prose) is not None or any(
        _is_method_like(span, owned) for span in spans
    )
    texts: dict[str, set[str]] = {}
    for span in spans:
        if span.explicit or not has_methods or span.signature.name.startswith("New"):
            texts.setdefault(span.signature.name, set()).add(span.signature.text)
    certain = {name for name, forms in texts.items() if len(forms) == 1}
    kept = {span.signature.name: span for span in spans if span.signature.name in certain}
    called = {name for name in _MENTION.findall(f"{prose} {tests}") if not name.startswith("Test")}
    types = {name for name, span in kept.items() if span.node.type == "type_declaration"}
    types |= set(_STRUCT.findall(prose)) & {name.partition(".")[0] for name in kept if "." in name}
    used = {name for span in kept.values() for name in _local_types(span.node)}
    known = {name.rpartition(".")[2] for name in certain}
    complete = bool(kept) and called <= known and len(certain) == len(texts)
    complete = complete and used <= types and (bool(types) or not has_methods)
    return Stated(tuple(span.signature for span in kept.values()), complete)


def arity(signature: Signature) -> tuple[int, bool, int] | None:
    """Parameters, whether the last is variadic, and results of a plain function; None for the rest."""
    node = declaration(f"{signature.text} {{}}")
    if node is None or node.type != "function_declaration":
        return None
    parameters = node.child_by_field_name("parameters")
    result = node.child_by_field_name("result")
    if parameters is None:
        return None
    variadic = any(child.type == "variadic_parameter_declaration" for child in parameters.named_children)
    results = 0 if result is None else _count(result) if result.type == "parameter_list" else 1
    return _count(parameters), variadic, results


def parameter_types(signature: Signature) -> tuple[str, ...]:
    """The type of each parameter of a plain function, then the type of its only result."""
    node = declaration(f"{signature.text} {{}}")
    if node is None:
        return ()
    types: list[str] = []
    parameters = node.child_by_field_name("parameters")
    for child in parameters.named_children if parameters is not None else ():
        types += [text_of(child.child_by_field_name("type"))] * max(1, _names(child))
    result = node.child_by_field_name("result")
    if result is not None and result.type == "parameter_list":
        result = result.named_children[0].child_by_field_name("type")
    return (*types, text_of(result))


def _count(parameters: Node) -> int:
    return sum(max(1, _names(child)) for child in parameters.named_children if child.type != "comment")


def _names(parameter: Node) -> int:
    return len(parameter.children_by_field_name("name"))


def _signature(node: Node, source: str) -> Signature | None:
    """Name and text of a declaration without a body; None where it is something else."""
    name = text_of(node.child_by_field_name("name"))
    body = node.child_by_field_name("body")
    if node.type in {"function_declaration", "method_declaration"}:
        if body is None or body.named_child_count:
            return None
        receivers = of_type(node.child_by_field_name("receiver") or body, "type_identifier")
        if node.type == "method_declaration":
            name = f"{text_of(receivers[0])}.{name}" if receivers else ""
    else:
        specs = of_type(node, "type_spec", "type_alias", "var_spec", "const_spec")
        name = text_of(specs[0].child_by_field_name("name")) if len(specs) == 1 else ""
    text = "\n".join(line.rstrip() for line in source.splitlines())
    return Signature(name=name, text=text if "\n" in text else " ".join(text.split())) if name else None


def _types(prose: str, known: Set[str]) -> Iterator[_Span]:
    for head in _TYPE_HEAD.finditer(prose):
        span = _longest(prose, head.start(), head.end(), "", explicit=True, known=known)
        if span is not None:
            yield span


def _functions(prose: str, known: Set[str]) -> Iterator[_Span]:
    for head in _CALL_HEAD.finditer(prose):
        opening = head.end()
        if prose[opening] == "[":
            opening = closing(prose, opening) + 1
        if opening <= 0 or prose[opening : opening + 1] != "(":
            continue
        end = closing(prose, opening) + 1
        before = _FUNC_BEFORE.search(prose, max(0, head.start() - 80), head.start())
        start = before.start() if before else head.start()
        if end > 0:
            yield from _function(prose, start, end, explicit=before is not None, known=known)


def _function(prose: str, start: int, end: int, *, explicit: bool, known: Set[str]) -> Iterator[_Span]:
    """The span from `start`, whose parameters end at `end`, with its result if one follows."""
    keyword = "" if explicit else "func "
    if declaration(f"{keyword}{prose[start:end]} {{}}") is None:
        return
    with_result = _longest(prose, start, end, keyword, explicit=explicit, known=known)
    if with_result is not None:
        yield with_result
    elif explicit and not _GIVES_BACK.match(prose, end):
        alone = _checked(f"{keyword}{prose[start:end]}", explicit=True, known=known)
        if alone is not None:
            yield alone


def _longest(
    prose: str, start: int, head_end: int, keyword: str, *, explicit: bool, known: Set[str]
) -> _Span | None:
    """The longest stretch from `start` past `head_end` that is one clean declaration of known types."""
    for end in reversed(list(islice(_word_ends(prose, head_end), _MOST_WORDS))):
        span = _checked(f"{keyword}{prose[start:end]}", explicit=explicit, known=known)
        if span is not None:
            return span
    return None


def _word_ends(prose: str, start: int) -> Iterator[int]:
    """Where a type that begins at `start` could end: after each word or bracketed group."""
    index = start
    began = False
    while index < min(len(prose), start + _LONGEST_RESULT):
        char = prose[index]
        if char in "([{":
            end = closing(prose, index)
            if end < 0:
                break
            index, began = end, True
            yield end + 1
        elif char in _STOPS or (char == "." and prose[index + 1 : index + 2] in {"", " "}):
            break
        elif char == " ":
            if began:
                yield index
        else:
            began = True
        index += 1
    if began:
        yield index


def _checked(source: str, *, explicit: bool, known: Set[str]) -> _Span | None:
    """A span, if the source is a clean declaration whose types are all known to be types."""
    is_function = source.startswith("func")
    node = declaration(f"{source} {{}}" if is_function else source)
    signature = None if node is None else _signature(node, source)
    if node is None or signature is None:
        return None
    for parameter in of_type(node, "parameter_declaration"):
        names = [text_of(name) for name in parameter.children_by_field_name("name")]
        if _PROSE_NAMES.intersection(names):
            return None
    for name in _local_types(node):
        if name not in known:
            return None
    return _Span(signature, node, explicit)


def _local_types(node: Node) -> set[str]:
    """Types that a declaration uses and that are neither predeclared, imported nor its own."""
    own = {text_of(name) for owner in of_type(node, "type_parameter_declaration") for name in owner.children}
    receiver = node.child_by_field_name("receiver")
    if receiver is not None:
        own |= {
            text_of(name)
            for part in of_type(receiver, "type_arguments")
            for name in of_type(part, "type_identifier")
        }
    own |= {text_of(spec.child_by_field_name("name")) for spec in of_type(node, "type_spec", "type_alias")}
    qualified = {name.start_byte for part in of_type(node, "qualified_type") for name in part.children}
    used = [name for name in of_type(node, "type_identifier") if name.start_byte not in qualified]
    return {text_of(name) for name in used} - PREDECLARED_TYPES - own


def _is_method_like(span: _Span, owned: Set[str]) -> bool:
    """Whether a stretch shows that the package has methods: `x.Name(` is called, or `*Local` is used."""
    pointers = of_type(span.node, "pointer_type")
    pointed = {text_of(name) for part in pointers for name in of_type(part, "type_identifier")}
    return span.signature.name in owned or not pointed.isdisjoint(_local_types(span.node))
