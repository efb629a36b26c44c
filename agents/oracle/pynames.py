"""How a Go API is spoken of in Python: one mapping, for the prompt, the driver, and people.

    func ToRoman(n int) (string, error)    def to_roman(n: int) -> str        raises for an error
    type Interval struct { Start, End }    @dataclass class Interval: start, end
    func NewStack(capacity int) *Stack     class Stack: def __init__(self, capacity: int)
    func (s *Stack) Pop() (int, bool)      def pop(self) -> tuple[int, bool]
    var ErrEmpty error                     class ErrEmpty(Exception)

A reference program is asked for in exactly these shapes (`skeleton`), so that `py_driver.py` can call it.
"""

import builtins
import keyword
from collections.abc import Iterator

from guildbus.agents.oracle.gotypes import Api, Callable, GoType, makes

_SIMPLE = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "string": "str",
    "rune": "str",
    "byte": "int",
    "bytes": "bytes",
    "duration": "float",
    "time": "float",
    "clock": "Callable[[], float]",
    "any": "object",
    "error": "Exception | None",
}
_NOTES = {
    "rune": "a str of one character",
    "duration": "in seconds",
    "time": "in seconds",
    "clock": "gives the time in seconds",
}
_RULE = "# <the whole rule of this function>"
_TYPE_RULE = "# <the whole rule of this type>"


def snake(name: str) -> str:
    """`ToRoman` -> `to_roman`, `HTTPCode` -> `http_code`; what hides a word of Python gets an underscore."""
    text = _snake(name)
    hides = keyword.iskeyword(text) or text == "self" or hasattr(builtins, text)
    return f"{text}_" if hides else text


def _snake(name: str) -> str:
    out: list[str] = []
    for index, char in enumerate(name):
        before = name[index - 1] if index else ""
        after = name[index + 1] if index + 1 < len(name) else ""
        starts = char.isupper() and index > 0 and before != "_"
        if starts and (not before.isupper() or (after.islower() and after != "s")):
            out.append("_")
        out.append(char.lower())
    return "".join(out)


def python_type(of: GoType) -> str:
    """The annotation for a type."""
    match of.kind:
        case "list" | "array":
            return f"list[{python_type(of.elem)}]" if of.elem else "list"
        case "map":
            return f"dict[{python_type(of.key)}, {python_type(of.elem)}]" if of.key and of.elem else "dict"
        case "struct":
            return of.text
        case "pointer":
            return f"{of.elem.text} | None" if of.elem else "object"
        case "object":
            return f'"{of.text.lstrip("*").partition("[")[0]}"'
    return _SIMPLE.get(of.kind, "object")


def python_result(callable_: Callable) -> str:
    """The annotation of what a callable gives back; an error is raised, not returned."""
    shown = [python_type(of) for of in callable_.results]
    if callable_.fails:
        shown.pop()
    return shown[0] if len(shown) == 1 else f"tuple[{', '.join(shown)}]" if shown else "None"


def skeleton(api: Api) -> str:
    """Python declarations of everything that can be examined, bodies left as `...`.

    Above each stands the place for its rule: who restates the rule first writes it down whole.
    """
    blocks = [_exceptions(api), *(f"{_TYPE_RULE}\n{block}" for block in _dataclasses(api))]
    objects = [name for name, of in api.types.items() if of.kind == "object" and api.constructors(name)]
    blocks += [_class(api, name) for name in objects]
    loose = [c for c in api.callables if c.receiver not in objects and not makes(c) and not c.obstacle]
    blocks += [_function(c, api) for c in loose]
    return "\n\n".join(block for block in blocks if block)


def preamble(api: Api) -> str:
    """The exceptions and dataclasses alone: what a program may take for given."""
    return "\n\n".join(block for block in (_exceptions(api), *_dataclasses(api)) if block)


def function_name(callable_: Callable) -> str:
    """`to_roman`; a method on a plain value is `dna_counts`, and takes the value first."""
    return snake(callable_.full_name.replace(".", "_"))


def method_name(callable_: Callable) -> str:
    """A method hides no built-in function, so that `Len` is `len`."""
    text = _snake(callable_.name)
    return f"{text}_" if keyword.iskeyword(text) else text


def _exceptions(api: Api) -> str:
    return "\n".join(f"class {name}(Exception): ..." for name in api.sentinels)


def _dataclasses(api: Api) -> Iterator[str]:
    for name, of in api.types.items():
        if of.kind == "struct":
            fields = "\n".join(f"    {snake(field)}: {python_type(t)}" for field, t in of.fields)
            yield f"@dataclass\nclass {name}:\n{fields}"


def _class(api: Api, name: str) -> str:
    maker = api.constructors(name)[0]
    head = f"    def __init__(self{_parameters(maker, lead=True)}): ...{_note(maker)}"
    lines = [f"class {name}:", f"    {_RULE}", head]
    for method in api.methods(name):
        if not method.obstacle:
            head = f"    def {method_name(method)}(self{_parameters(method, lead=True)})"
            lines += [f"    {_RULE}", f"{head} -> {python_result(method)}: ...{_note(method)}"]
    return "\n".join(lines)


def _function(callable_: Callable, api: Api) -> str:
    own = [f"value: {python_type(api.types[callable_.receiver])}"] if callable_.receiver else []
    parameters = ", ".join([*own, *([_parameters(callable_)] if callable_.parameters else [])])
    head = f"def {function_name(callable_)}({parameters})"
    return f"{_RULE}\n{head} -> {python_result(callable_)}: ...{_note(callable_)}"


def _parameters(callable_: Callable, *, lead: bool = False) -> str:
    shown = []
    for parameter in callable_.parameters:
        star = "*" if parameter.variadic else ""
        of = parameter.type.elem if parameter.variadic and parameter.type.elem else parameter.type
        shown.append(f"{star}{snake(parameter.name)}: {python_type(of)}")
    text = ", ".join(shown)
    return f", {text}" if lead and text else text


def _note(callable_: Callable) -> str:
    notes = [
        f"{snake(p.name)} {'is ' if p.type.kind == 'rune' else ''}{_NOTES[p.type.kind]}"
        for p in callable_.parameters
        if p.type.kind in _NOTES
    ]
    notes += [f"gives {_NOTES[of.kind]}" for of in callable_.results if of.kind in _NOTES]
    if callable_.fails:
        notes.append("raises an exception where Go returns an error")
    return f"  # {'; '.join(notes)}" if notes else ""
