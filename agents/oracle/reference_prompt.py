"""What a reference's author is asked, and reading the program out of the reply. Pure.

The prompt is made from the request alone: the spec's prose, and the shape of the program. It holds neither an
implementation nor a test, and `ReferenceRequested` has no place for one. Sample after sample differs in
seed and temperature. Next: `references.py`, which says what a program may contain.
"""

import hashlib
from collections.abc import Callable, Sequence
from string import Template

from guildbus.agents.oracle.conditions import Condition
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.heeding import Said
from guildbus.agents.oracle.pynames import function_name, skeleton, snake
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.prompt_texts import template
from guildbus.agents.prompting import Prompt
from guildbus.protocols.messages.draft import ManifestPart
from guildbus.protocols.messages.oracle import ReferenceRequested

_TEMPERATURES = (0.2, 0.7, 0.5, 0.9, 0.6, 0.8)
_SEED_SPACE = 2**31 - 1
_STOP = ("\n```\n", "\n```")
_PYTHON = "Write it in Python, in exactly this shape:\n\n```python\n$shape\n```"
_GO = "Write the file, package $package, with exactly these:\n\n```go\n$shape\n```"
_SIGNS = "\n\nIn $names, handle negative numbers in the first line, before any % or $divide."
"""What a language's `%` does to them the rule seldom means; programs that are told so mind them."""


_PARAMETERS = 'In $subject, first sort out $compared: "$clause"'
_FIELDS = (
    "In $subject, first remove or replace each $value with $compared, as the rule says. "
    "${order}Then do the rest."
)
_ORDER = "Then sort by $field. "
"""Where a program forgot a comparison that the spec states, later ones get it as code: step by step, or they
mind the comparison and forget to sort."""


def reference_prompt(request: ReferenceRequested, sample: int) -> Prompt:
    """The prompt of one sample, counted over the whole run."""
    system = template(f"reference_{request.language}.md")
    api = read_api(request.api)
    if request.language == "python":
        text = Template(_PYTHON).substitute(shape=skeleton(api))
        called = {one.full_name: function_name(one) for one in api.callables}
        text += _signs([called.get(name, name) for name in request.signs], "//")
        text += _forgotten(request, api, lambda name: called.get(name, name), snake)
    else:
        shape = "\n".join(signature.text for signature in request.api)
        text = Template(_GO).substitute(package=request.package, shape=shape) + _signs(request.signs, "/")
        text += _forgotten(request, api, str, str)
    spec = f"{request.overview.strip()}\n\n"
    parts = (
        ("system", "reference", system),
        ("spec", request.folder or ".", spec),
        ("instruction", "", text),
    )
    return Prompt(
        system=system,
        user=spec + text,
        manifest=tuple(_manifest(kind, name, part) for kind, name, part in parts),
        temperature=_TEMPERATURES[sample % len(_TEMPERATURES)],
        step=sample,
        seed=(request.seed * 2048 + 1900 + sample + 64 * (request.language == "go")) % _SEED_SPACE,
        max_tokens=250 + 160 * len(request.api),
        stop=(),
    )


def _signs(names: Sequence[str], divide: str) -> str:
    return Template(_SIGNS).substitute(names=" and ".join(names), divide=divide) if names else ""


def _forgotten(
    request: ReferenceRequested, api: Api, called: Callable[[str], str], spelt: Callable[[str], str]
) -> str:
    """The comparisons that programs so far forgot, as code."""
    said = Said.of(request.overview, api)
    told = []
    for one in said.conditions:
        if one.subject in request.unheeded:
            orders = [order for order in said.orders if order.subject == one.subject]
            order = "".join(Template(_ORDER).substitute(field=spelt(order.field)) for order in orders[:1])
            told.append(_compared(one, called(one.subject), order, spelt))
    return "".join(f"\n\n{line}" for line in told)


def _compared(one: Condition, subject: str, order: str, spelt: Callable[[str], str]) -> str:
    value = one.owner.lower()
    of = f"{value}." if one.fields else ""
    right = one.right if one.number is not None else f"{of}{spelt(one.right)}"
    compared = f"{of}{spelt(one.left)} {one.sign} {right}"
    text = Template(_FIELDS if one.fields else _PARAMETERS)
    return text.substitute(subject=subject, value=value, compared=compared, order=order, clause=one.clause)


def _manifest(kind: str, name: str, text: str) -> ManifestPart:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ManifestPart.model_validate(
        {"kind": kind, "name": name, "sha256": digest, "size_chars": len(text)}
    )


def program_in(reply: str) -> str:
    """The program of a reply: its longest fenced block, or all of it where there is none."""
    blocks: list[list[str]] = []
    inside = False
    for line in reply.splitlines():
        if line.strip().startswith("```"):
            inside = not inside
            if inside:
                blocks.append([])
        elif inside:
            blocks[-1].append(line)
    text = max(("\n".join(block) for block in blocks), key=len, default=reply)
    return f"{text.strip()}\n"
