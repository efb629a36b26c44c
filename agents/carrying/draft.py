"""A request's right program as drafts of its file: what go-dev answers without asking a model. Pure."""

from guildbus.agents.begun import doc_comment
from guildbus.agents.carrying.program import carried
from guildbus.agents.carrying.types import NotCarried
from guildbus.agents.golang.guards import with_guards
from guildbus.agents.golang.splice import with_declarations, without_leftovers
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.planning import is_test
from guildbus.protocols.messages.draft import DraftRequested


def carried_draft(request: DraftRequested) -> str:
    """The previous text with `scope`, a function or type, as the reference has it, and without idle helpers.

    '' where there is no such program, or it uses what the rules do not know.
    """
    if not request.reference or not request.scope:
        return ""
    try:
        code = carried(request.reference, request.scope, read_api(request.api), _comments(request))
    except NotCarried:
        return ""
    package = f"package {request.task.package}\n"
    previous = request.previous or package
    text = with_declarations(previous, code)
    elsewhere = any(file.path != request.task.path and not is_test(file.path) for file in request.visible)
    return text if elsewhere or not text else without_leftovers(previous, text)


def carried_drafts(request: DraftRequested) -> list[str]:
    """The drafts that a program comes to: with the guards of the code that it replaces, then without.

    A program that gives all that is settled may have forgotten what the code before it did to odd parameters;
    where a guard does harm, verification takes the other draft.
    """
    plain = carried_draft(request)
    return list(dict.fromkeys([with_guards(request.previous, plain) if plain else plain, plain]))


def _comments(request: DraftRequested) -> dict[str, str]:
    """The doc comment of everything stated, in the spec's own sentences."""
    stated = {one.name: one.text for one in request.api}
    types = {name.partition(".")[0] for name in stated if "." in name}
    stated |= {name: f"type {name} struct" for name in types if name not in stated}
    return {name: doc_comment(request, name.rpartition(".")[2], text) for name, text in stated.items()}
