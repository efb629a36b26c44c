"""The conversation about a green package: finishers are asked, one after the other, to make it better.

A finisher is a role that `[build] finishers` names, an agent of somebody else's as a rule. It is sent what
the run has reached and proposes an edit, or none; the verifier judges the edit as it judges any draft, and
says whether it is kept: only if nothing falls. See docs/adr/0044.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from guildbus.protocols.messages.base import (
    ANY_ROLE,
    INCIDENTAL,
    BodyClass,
    Incidental,
    Message,
    Part,
    RelativePath,
    Span,
    Spans,
)
from guildbus.protocols.messages.build import Plan
from guildbus.protocols.messages.draft import ModelCall
from guildbus.protocols.messages.verification import VerificationFinished
from guildbus.protocols.spec import Spec


class ProposedFile(Part):
    """One file of the plan, whole, as a finisher wants it.

    `cut_short`: the time was over before all was looked at, so another machine may come to another text.
    """

    path: RelativePath
    content: str
    cut_short: bool = Field(default=False, exclude_if=lambda late: not late)


def _cut_short(files: tuple[ProposedFile, ...]) -> bool:
    return any(file.cut_short for file in files)


class FinishProposed(Message):
    """What a finisher makes of a package: the files that it changes, none if there is nothing to do.

    `note` says to a person what was done or why not; it may hold measured times, so a replay does not
    compare it. Make it with `FinishRequested.propose`.
    """

    type: ClassVar[str] = "finish.proposed"
    to: ClassVar[str | None] = "verifier"

    files: Annotated[tuple[ProposedFile, ...], Incidental(when=_cut_short)] = ()
    note: Annotated[str, INCIDENTAL] = ""
    calls: tuple[ModelCall, ...] = ()
    spans: Spans = ()

    @property
    def tokens(self) -> int:
        """What its calls cost, prompts and answers."""
        return sum(call.prompt_tokens + call.completion_tokens for call in self.calls)


class FinishRequested(Message):
    """Make this green package better, or leave it. Goes to `role`, which answers with `FinishProposed`.

    `reached` is the verified tree and all that is known of it; `seed` is the build's, so that another build
    draws other answers. `until` is when the answer and its judgement must be there, `closes_at` when the run
    itself must end (None: no limit), both in seconds since the epoch.
    """

    type: ClassVar[str] = "finish.requested"
    recipients: ClassVar[tuple[str, ...]] = (ANY_ROLE,)
    answered_by: ClassVar[BodyClass | None] = FinishProposed

    role: str = Field(min_length=1, max_length=64)
    spec: Spec
    plan: Plan
    reached: VerificationFinished
    seed: int = 1
    until: Annotated[float, INCIDENTAL]
    closes_at: Annotated[float | None, INCIDENTAL] = None

    @property
    def recipient(self) -> str:
        """The role that it names."""
        return self.role

    @property
    def own_deadline(self) -> float:
        """A finisher that is silent past this is not waited for."""
        return self.until

    @property
    def tree(self) -> dict[str, str]:
        """The package, path -> text, with its go.mod."""
        return {"go.mod": self.plan.go_mod} | {file.path: file.content for file in self.reached.files}

    def propose(
        self,
        files: Mapping[str, str] | None = None,
        *,
        note: str = "",
        calls: Sequence[ModelCall] = (),
        spans: Sequence[Span] = (),
        cut_short: bool = False,
    ) -> FinishProposed:
        """The answer. `files` is path -> text; what equals the tree is left out, unless it is `cut_short`."""
        tree = self.tree
        kept = {path: text for path, text in (files or {}).items() if cut_short or tree.get(path) != text}
        return FinishProposed(
            files=tuple(
                ProposedFile(path=path, content=text, cut_short=cut_short) for path, text in kept.items()
            ),
            note=note,
            calls=tuple(calls),
            spans=tuple(spans),
        )


class FinishJudged(Message):
    """The verdict on an edit. `reason` says why it is not kept; `found` is its tree, judged.

    `found` is None where the edit was refused before its tree was judged, or there was none.
    """

    type: ClassVar[str] = "finish.judged"
    to: ClassVar[str | None] = "planner"

    role: str
    kept: bool
    reason: str = ""
    found: VerificationFinished | None = None
    spans: Spans = ()
