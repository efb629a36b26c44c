"""Assignments: to names, parts, fields, several at once, and `del`. Pure.

By what is assigned to a variable its type is found out. Next: `statements.py`, which goes over all of them.
"""

import ast

from guildbus.agents.carrying import methods, operators
from guildbus.agents.carrying.expressions import Writer
from guildbus.agents.carrying.types import (
    EMPTY_DICT,
    FLOAT,
    NotCarried,
    StillOpen,
    Value,
    empty_map,
    fitted,
    is_open,
    is_ordered,
    map_of,
    settled,
)
from guildbus.agents.carrying.variables import homes, refuse_strange
from guildbus.agents.oracle.gotypes import GoType

_SHORT: dict[type[ast.operator], str] = {
    ast.Add: "+=",
    ast.Sub: "-=",
    ast.Mult: "*=",
    ast.FloorDiv: "/=",
    ast.Mod: "%=",
}


class Assignments:
    """What a function's variables are, and how they come to be so. `Body` adds the other statements."""

    def __init__(self, writer: Writer) -> None:
        self._w = writer
        self._function = writer.routine.node
        refuse_strange(self._function)
        parameters = {py for py, _, _ in writer.routine.parameters}
        own = {writer.routine.self_name} if writer.routine.owner else set()
        self._homes = homes(self._function, parameters | own)
        self._tolerant = True
        writer.pointers = (
            frozenset(
                node.value.id
                for node in ast.walk(self._function)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Name)
            )
            - own
        )

    def _type(self, name: str) -> GoType:
        found = self._w.types.get(name)
        if found is None:
            raise StillOpen(f"the type of {name}")
        return found

    def _assign(self, statement: ast.stmt, target: ast.expr, value: ast.expr) -> None:
        w = self._w
        match target:
            case ast.Name(id=name):
                self._assign_name(statement, name, value)
            case ast.Tuple(elts=targets):
                self._assign_several(statement, targets, value)
            case ast.Subscript(value=held, slice=index):
                self._put(held, index, value)
            case ast.Attribute(value=owner) if w.is_self(owner):
                self._assign_field(target, value)
            case ast.Attribute(value=owner):
                self._refuse_aliased(target, owner)
                place = w.value(target)
                w.emit(f"{place.text} = {w.value(value, place.type).text}")
            case _:
                raise NotCarried(f"`{ast.unparse(target)}` is assigned")

    def _assign_name(self, statement: ast.stmt, name: str, value: ast.expr) -> None:
        w = self._w
        if name in w.pointers:
            found = self._pointed(value)
        else:
            free = self._tolerant or name in w.program.ordered
            found = w.value(value, None if free else w.types.get(name))
        kind = found.type
        if (
            name in w.program.ordered
            and kind.kind == "map"
            and kind.key is not None
            and kind.elem is not None
        ):
            kind = map_of(settled(kind.key), settled(kind.elem), ordered=True)
        w.learn(ast.Name(name, ast.Store()), kind)
        of = w.types[name]
        if name in w.program.ordered and of.kind == "map":
            self._fill(statement, name, value, found)
            return
        if self._homes.get(name) is not statement:
            w.emit(f"{w.go(name)} = {fitted(found, of).text}")
        elif of == FLOAT and found.text.lstrip("-").isdigit():
            w.emit(f"{w.go(name)} := float64({found.text})")
        elif found.text == "nil":
            w.emit(f"var {w.go(name)} {of.text}")
        else:
            w.emit(f"{w.go(name)} := {fitted(found, of).text}")

    def _pointed(self, value: ast.expr) -> Value:
        """A struct of a list that is changed through another name."""
        found = self._w.value(value)
        if found.type.kind == "pointer":
            return found
        if not isinstance(value, ast.Subscript) or found.type.kind != "struct":
            raise NotCarried(f"`{ast.unparse(value)}` is changed through another name")
        return Value(f"&{found.text}", GoType("pointer", f"*{found.type.text}", elem=found.type))

    def _fill(self, statement: ast.stmt, name: str, value: ast.expr, found: Value) -> None:
        """An ordered map, and what is in it at first."""
        w = self._w
        of = w.types[name]
        if of.key is None or of.elem is None:
            raise StillOpen("a dict that nothing was put into")
        if not isinstance(value, ast.Dict) and found.type != EMPTY_DICT:
            raise NotCarried("a dict whose order counts is copied")
        sign = ":=" if self._homes.get(name) is statement else "="
        w.emit(f"{w.go(name)} {sign} {empty_map(of)}")
        for key, one in zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ():
            if key is not None:
                w.emit(f"{w.go(name)}.set({w.value(key, of.key).text}, {w.value(one, of.elem).text})")

    def _assign_field(self, target: ast.Attribute, value: ast.expr) -> None:
        w = self._w
        known = None if self._tolerant else w.program.fields.get(w.routine.owner, {}).get(target.attr)
        found = w.value(value, known)
        w.learn(target, found.type)
        place = w.value(target)
        if target.attr in w.program.ordered and place.type.kind == "map":
            if place.type.key is None or place.type.elem is None:
                raise StillOpen("a dict that nothing was put into")
            if found.type != EMPTY_DICT and not is_ordered(found.type):
                raise NotCarried("a dict whose order counts is copied")
        w.emit(f"{place.text} = {fitted(found, settled(place.type)).text}")

    def _assign_several(self, statement: ast.stmt, targets: list[ast.expr], value: ast.expr) -> None:
        w = self._w
        names = [target.id if isinstance(target, ast.Name) else "" for target in targets]
        if isinstance(value, ast.Tuple) and len(value.elts) == len(targets):
            found = w.values(value.elts)
            for target, one in zip(targets, found, strict=True):
                if isinstance(target, ast.Name):
                    w.learn(target, one.type)
            if not all(names):
                self._exchange(targets, found)
                return
            texts = [fitted(one, w.types[name]).text for name, one in zip(names, found, strict=True)]
            self._set_all(statement, names, ", ".join(texts))
            return
        one = w.value(value)
        fields = one.type.fields
        if one.type.kind != "struct" or len(fields) != len(targets) or not all(names):
            raise NotCarried(f"`{ast.unparse(value)}` is taken apart")
        for target, (_, of) in zip(targets, fields, strict=True):
            w.learn(target, of)
        if one.type.text:
            one = w.kept(one, "parts") if not one.text.isidentifier() else one
            self._set_all(statement, names, ", ".join(f"{one.text}.{field}" for field, _ in fields))
        else:
            self._set_all(statement, names, one.text)

    def _set_all(self, statement: ast.stmt, names: list[str], text: str) -> None:
        w = self._w
        fresh = [name for name in names if self._homes.get(name) is statement]
        for name in fresh if len(fresh) < len(names) else ():
            w.emit(f"var {w.go(name)} {self._type(name).text}")
        w.emit(f"{', '.join(map(w.go, names))} {':=' if len(fresh) == len(names) else '='} {text}")

    def _exchange(self, targets: list[ast.expr], found: list[Value]) -> None:
        """`l[i], l[j] = l[j], l[i]`."""
        w = self._w
        places = [w.value(target) for target in targets]
        if any(isinstance(t, ast.Subscript) and w.value(t.value).type.kind != "list" for t in targets):
            raise NotCarried("several parts of a dict at once")
        texts = [fitted(one, place.type).text for one, place in zip(found, places, strict=True)]
        w.emit(f"{', '.join(place.text for place in places)} = {', '.join(texts)}")

    def _put(self, held: ast.expr, index: ast.expr, value: ast.expr) -> None:
        """`x[i] = v`."""
        w = self._w
        whole = w.value(held)
        if whole.type.kind == "map":
            key = w.value(index)
            found = w.value(value)
            w.learn_part(held, settled(found.type), settled(key.type))
            whole = w.value(held)
            assert whole.type.key is not None
            assert whole.type.elem is not None
            texts = fitted(key, whole.type.key).text, fitted(found, whole.type.elem).text
            w.emit(
                f"{whole.operand}.set({', '.join(texts)})"
                if is_ordered(whole.type)
                else f"{whole.operand}[{texts[0]}] = {texts[1]}"
            )
            return
        if whole.type.kind != "list":
            raise NotCarried(f"a part of {whole.type.text} is assigned")
        place = w.value(ast.Subscript(held, index, ast.Load()))
        w.emit(f"{place.text} = {w.value(value, place.type).text}")

    def _change(self, statement: ast.AugAssign) -> None:
        """`x += v`."""
        w = self._w
        target = statement.target
        change = w.value(statement.value)
        if isinstance(target, ast.Subscript) and w.value(target.value).type.kind == "map":
            if w.value(target.value).type.elem is None:
                w.learn_part(target.value, settled(change.type), settled(w.value(target.slice).type))
            whole = w.value(target.value)
            if whole.type.elem is None:
                raise StillOpen("a dict that nothing was put into")
            loaded = ast.Subscript(target.value, target.slice, ast.Load())
            now = operators.combined(w.value(loaded), statement.op, change)
            if is_ordered(whole.type):
                key = w.value(target.slice, whole.type.key)
                w.emit(f"{whole.operand}.set({key.text}, {fitted(now, whole.type.elem).text})")
            else:
                w.emit(f"{w.value(loaded).text} = {fitted(now, whole.type.elem).text}")
            return
        place = w.value(target)
        if isinstance(target, ast.Attribute) and not w.is_self(target.value):
            self._refuse_aliased(target, target.value)
        if place.type.kind == "list":
            if change.type.kind == "string":
                raise NotCarried("a string is added to a list")
            if change.type.elem is not None:
                w.learn(target, change.type)
                w.emit(f"{place.text} = append({place.text}, {fitted(change, w.value(target).type).text}...)")
            return
        now = operators.combined(place, statement.op, change)
        w.learn(target, now.type)
        sign = _SHORT.get(type(statement.op))
        if sign is None or isinstance(statement.op, ast.Pow):
            w.emit(f"{place.text} = {fitted(now, w.value(target).type).text}")
        elif change.text == "1" and sign in ("+=", "-="):
            w.emit(f"{place.text}{sign[0] * 2}")
        else:
            w.emit(f"{place.text} {sign} {fitted(change, w.value(target).type).text}")

    def _refuse_aliased(self, target: ast.expr, owner: ast.expr) -> None:
        """A struct of Go is a value: only in its place, or through a pointer to that, it can be changed."""
        known = self._w.types.get(owner.id) if isinstance(owner, ast.Name) else None
        pointed = known is not None and known.kind == "pointer"
        if not isinstance(owner, ast.Subscript) and not pointed:
            raise NotCarried(f"`{ast.unparse(target)}` is changed")

    def _delete(self, whole: Value, held: ast.expr, index: ast.expr) -> None:
        w = self._w
        if whole.type.kind == "map":
            methods.delete_key(w, whole, index)
            return
        if whole.type.kind != "list" or isinstance(index, ast.Slice):
            raise NotCarried(f"`del` of {whole.type.text}")
        place = w.position(index, whole, held)
        w.emit(f"{whole.text} = slices.Delete({whole.text}, {place}, {place}+1)")


def settled_part(of: GoType) -> GoType:
    """The type of an element so far: a literal of one character may still become a rune."""
    if is_open(of):
        raise StillOpen("a list of what is not known")
    return of
