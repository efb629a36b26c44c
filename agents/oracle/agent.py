"""The oracle: hears the references, settles disputes about tests, sharpens a green's suite. It asks no model.

reference.proposed   -> witnesses.established (to the verifier), or reference.requested when too much is split
oracle.requested     -> oracle.answered (to the repair-router), or reference.requested when a row is undecided
finish.requested     -> finish.proposed: settled cases become rows, where mutants survive (`sharpen.py`)

It executes: the references in the sandbox, on cases that are drawn from the spec alone, and on what they
settle there as inputs of other functions. What it decides on that evidence is in `hearing.py`, which is pure.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle import hearing, summons
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.hearing import Docket
from guildbus.agents.oracle.heeding import heeding, unheeded
from guildbus.agents.oracle.record import RECORDED, OracleRecord, read_record
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.sharpen import sharpen
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.oracle.witnesses import Testimony, signed_subjects
from guildbus.agents.settings import AgentSettings
from guildbus.agents.spending import left_in_run
from guildbus.protocols.messages.base import Message, Span
from guildbus.protocols.messages.build import BuildPlanned
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import (
    DismissedWitness,
    OracleAnswered,
    OracleRequested,
    ReferenceProgram,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
)

Testify = Callable[[ReferenceProgram, Api, Sequence[Json]], Awaitable[Testimony]]
"""Runs one program over cases (`Witnesses.testify`)."""


class Oracle(Agent):
    """Stateless but for a memo of what programs gave: running one again gives the same."""

    role: ClassVar[str] = "oracle"
    emits: ClassVar[tuple[type[Message], ...]] = (
        WitnessesEstablished,
        OracleAnswered,
        ReferenceRequested,
        FinishProposed,
    )

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._memo: dict[str, Testimony] = {}

    async def start(self) -> None:
        """Find the toolchain, and prove the sandboxes. Raises SandboxError: it fails closed."""
        toolchain = Toolchain.find(self._settings.cache_dir)
        self._witnesses = await Witnesses.start(toolchain, unsafe=self._settings.unsafe_no_sandbox)

    @handles(ReferenceProposed)
    async def on_reference_proposed(self, message: ReferenceProposed, ctx: Context) -> Sequence[Message]:
        """Hear all references of the package, once the last of them is written."""
        record = read_record(await ctx.history(*RECORDED))
        if record.outstanding(message.request.folder):
            return []
        return await self.settle(record, message.request.folder, ctx.say, await left_in_run(ctx))

    @handles(OracleRequested)
    async def on_oracle_requested(self, message: OracleRequested, ctx: Context) -> Sequence[Message]:
        """Settle the rows of a test; while references are being written, their arrival will."""
        record = read_record(await ctx.history(*RECORDED))
        if record.outstanding(message.folder):
            return []
        return await self.settle(record, message.folder, ctx.say, await left_in_run(ctx))

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> Sequence[Message]:
        """Propose rows that tell surviving mutants from the code; the rest of its time is the judge's."""
        history = await ctx.history(*RECORDED)
        options = next(one.options for one in history if isinstance(one, BuildPlanned))
        ctx.say("looking for cases that tell the surviving mutants")
        seconds = options.teeth_seconds * self._settings.patience
        if ctx.left_s is not None:
            seconds = min(seconds, ctx.left_s / 3)
        return [await sharpen(self._witnesses.go, message, read_record(history), seconds=seconds)]

    async def settle(
        self, record: OracleRecord, folder: str, say: Callable[[str], None], left: int | None = None
    ) -> list[Message]:
        """A request for more references; or what those here settle, and an answer to each dispute.

        `left` are the tokens that more references may cost; None: any number.
        """
        started_at, start = time.time(), time.monotonic()
        drawn = hearing.docket(record, folder)
        programs = record.programs(folder)
        say(f"hearing {len(programs)} witnesses on {len(drawn.cases)} cases")
        docket, testimonies = await heard_on(drawn, programs, self._testimony)
        request = summons.more(record, folder, left)
        spent = request is None or record.only_disputes
        doubted = hearing.doubted(record, folder, docket, testimonies)
        found, heard = hearing.tables(docket, testimonies, spent=spent, doubted=doubted)
        open_ = hearing.unsettled(record, folder, docket, found, heard)
        if request is not None and open_:
            forgotten = summons.Forgotten(
                signed_subjects(docket.cases, testimonies), unheeded(programs, docket.api, docket.said)
            )
            return [summons.more(record, folder, left, open_, forgotten) or request]
        disputes = record.open_disputes(folder)
        span = Span(kind="toolchain", started_at=started_at, wall_s=time.monotonic() - start)
        established = WitnessesEstablished(
            folder=folder,
            tables=tuple(found),
            witnesses=tuple(program.name for program in programs),
            dismissed=tuple(DismissedWitness(name=d.name, reason=d.reason[:500]) for d in heard.dismissed),
            awaited=not disputes,
            spans=(span,),
        )
        return [established, *(hearing.answer(record, dispute, docket, heard) for dispute in disputes)]

    async def _testimony(self, program: ReferenceProgram, api: Api, cases: Sequence[Json]) -> Testimony:
        text = "\n".join([program.sha256, *map(canonical, cases)])
        key = f"{program.name}/{hashlib.sha256(text.encode()).hexdigest()}"
        if key not in self._memo:
            self._memo[key] = await self._witnesses.testify(program, api, cases)
        return self._memo[key]


async def heard_on(
    drawn: Docket, programs: Sequence[ReferenceProgram], testify: Testify
) -> tuple[Docket, list[Testimony]]:
    """What the programs say of the drawn cases, and once more of those that these feed, if there are any.

    Where a program does not make a comparison that the spec states, it says nothing.
    """

    async def hear(program: ReferenceProgram, cases: Sequence[Json]) -> Testimony:
        said = await testify(program, drawn.api, cases)
        return heeding(program, said, cases, drawn.api, drawn.said)

    first = [await hear(program, drawn.cases) for program in programs]
    docket = hearing.fed(drawn, first)
    if not docket.fed:
        return drawn, first
    more = [await hear(program, docket.fed) for program in programs]
    return docket, [one.then(other) for one, other in zip(first, more, strict=True)]
