"""What goes into a draft request, and so into a prompt: the one place that decides who sees what. Pure.

A specialist's prompt is made from its request alone. The rule: whoever writes a test file, and go-test
whatever it writes, sees only exported declarations of other code, never a body; go-dev at an implementation
file sees the bodies of its own folder's other implementation files, and other folders as declarations.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from guildbus.agents.golang.api import exported_api
from guildbus.agents.oracle.hearing import examinable
from guildbus.agents.oracle.summons import FIRST_SAMPLES
from guildbus.agents.planning import contract, folder_of, is_test, overview
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import Author, DraftRequested, Evidence, Reason, VisibleFile
from guildbus.protocols.messages.oracle import ReferenceRequested
from guildbus.protocols.spec import Signature


def draft_request(
    state: RunState,
    task: FileTask,
    *,
    author: Author,
    round_number: int,
    reason: Reason = "first",
    scope: str = "",
    reference: str = "",
    previous: str = "",
    min_cases: int = 0,
    evidence: Sequence[Evidence] = (),
    place: int = 0,
) -> DraftRequested:
    """The request for one file as the run stands. `place` is that of the model in its author's fleet."""
    if author == "go-test" and not is_test(task.path):
        previous = ""
    return DraftRequested(
        task=task,
        author=author,
        round=round_number,
        reason=reason,
        scope=scope,
        reference=reference,
        module=state.plan.module,
        overview=overview(state.spec, task),
        api=state.plan.api.get(task.folder, ()),
        declares=declared_by(state, task),
        examples=tuple(e for e in state.plan.examples if e.folder == task.folder),
        visible=visible_files(state, task, author),
        previous=previous,
        evidence=tuple(evidence),
        allow_imports=state.plan.allow_imports,
        candidates=state.options.candidates,
        seed=state.options.seed,
        min_cases=min_cases,
        place=place,
    )


def first_draft(state: RunState, task: FileTask, round_number: int) -> DraftRequested:
    """The request for a file that does not exist yet.

    Of an implementation one draft is asked for, whatever `candidates` says: most often it does, and the time
    that another takes is better spent on its test. The others are `further_drafts`.
    """
    request = draft_request(state, task, author=owner_of(task), round_number=round_number)
    return request if is_test(task.path) else request.model_copy(update={"candidates": 1})


def further_drafts(state: RunState, task: FileTask) -> DraftRequested | None:
    """The first drafts of an implementation that were not drawn yet, once those that were do not do."""
    first = [r for r in state.requests if r.task.path == task.path and r.reason == "first"]
    drawn = sum(request.candidates for request in first)
    if is_test(task.path) or not first or drawn >= state.options.candidates:
        return None
    request = draft_request(state, task, author=owner_of(task), round_number=state.round + 1)
    return request.model_copy(update={"candidates": state.options.candidates - drawn, "drawn": drawn})


def reference_request(state: RunState, folder: str) -> ReferenceRequested | None:
    """The first request for a package's references: the spec's prose and signatures, and nothing of the run.

    None where the spec does not state what can be called: a program without an agreed shape is no witness.
    """
    signatures = state.plan.api.get(folder, ())
    code = [task for task in state.plan.tasks if task.folder == folder and not is_test(task.path)]
    if not code or not examinable(signatures):
        return None
    return ReferenceRequested(
        folder=folder,
        package=code[0].package,
        overview=contract(state.spec, folder),
        api=signatures,
        examples=tuple(e for e in state.plan.examples if e.folder == folder),
        count=FIRST_SAMPLES,
        seed=state.options.seed,
    )


def visible_files(state: RunState, task: FileTask, author: Author) -> tuple[VisibleFile, ...]:
    """The files that the author of `task` may read, in the plan's order."""
    blind = is_test(task.path) or author == "go-test"
    shown: list[VisibleFile] = []
    tree = state.tree()
    for other in state.plan.tasks:
        if other.path == task.path or is_test(other.path) or other.path not in tree:
            continue
        text = tree[other.path].content
        same_folder = folder_of(other.path) == task.folder
        if blind or not same_folder:
            if same_folder and task.folder in state.plan.api_complete:
                continue
            shown.append(_visible(other.path, "api", exported_api(text)))
        else:
            shown.append(_visible(other.path, "body", text))
    return tuple(shown)


def declared_by(state: RunState, task: FileTask) -> tuple[str, ...]:
    """What an implementation is to declare, of a folder whose declarations are all stated; () if not certain.

    The only implementation of its folder declares everything; one of several, what its own purpose states,
    provided that each declaration is stated of just one.
    """
    folder = task.folder
    if is_test(task.path) or folder not in state.plan.api_complete:
        return ()
    code = [other for other in state.plan.tasks if other.folder == folder and not is_test(other.path)]
    api = state.plan.api.get(folder, ())
    homes = {one.name: [other for other in code if _states(other, one)] for one in api}
    if len(code) > 1 and any(len(stating) != 1 for stating in homes.values()):
        return ()
    return tuple(name for name, stating in homes.items() if len(code) == 1 or stating == [task])


def _states(task: FileTask, signature: Signature) -> bool:
    return " ".join(signature.text.split()).removeprefix("func ") in " ".join(task.purpose.split())


def owner_of(task: FileTask) -> Author:
    """The specialist that the plan names for a file."""
    return "go-test" if is_test(task.path) else "go-dev"


def _visible(path: str, view: Literal["body", "api"], content: str) -> VisibleFile:
    return VisibleFile(
        path=path, view=view, content=content, sha256=hashlib.sha256(content.encode()).hexdigest()
    )
