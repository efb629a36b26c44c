"""HTML and SVG that cannot be broken into: what is no `Markup` is escaped in every element. Pure."""

from collections.abc import Iterable
from html import escape
from typing import Final

from guildbus.launch.printable import printable

_VOID: Final = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Text that is HTML already. Only `element` and `join` make it out of text of others."""

    __slots__ = ()


Content = str | Markup | Iterable[str | Markup]


def element(tag: str, /, *content: Content, **attributes: str | float | None) -> Markup:
    """One element. `class_` is `class`, `aria_label` is `aria-label`; what is None is left out."""
    stated = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{stated}>")
    return Markup(f"<{tag}{stated}>{join(*content)}</{tag}>")


def join(*content: Content) -> Markup:
    """Pieces one after the other, each escaped unless it is markup."""
    pieces = [piece for one in content for piece in ([one] if isinstance(one, str) else one)]
    return Markup("".join(one if isinstance(one, Markup) else escape(printable(one)) for one in pieces))


def table(head: Iterable[str], rows: Iterable[Iterable[str | Markup]], **attributes: str) -> Markup:
    """A table, or nothing if it has no rows."""
    body = [element("tr", (element("td", cell) for cell in row)) for row in rows]
    if not body:
        return Markup()
    heads = element("thead", element("tr", (element("th", one) for one in head)))
    return element("div", element("table", heads, element("tbody", body), **attributes), class_="wide")
