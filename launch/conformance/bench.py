"""What a check works with: the subject, its histories as the bus has them, folders, lives of instances."""

import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from guildbus.launch.conformance.histories import made_up
from guildbus.launch.conformance.outcomes import Outcome
from guildbus.launch.conformance.stage import Stage, on_stage
from guildbus.launch.conformance.stage_bus import Fault
from guildbus.launch.conformance.subject import Subject
from guildbus.launch.conformance.telling import Told, told
from guildbus.protocols.errors import UsageError

Answers: TypeAlias = Mapping[str, Sequence[Outcome]]
"""History name -> the outcomes of its handled messages, in order."""


@dataclass
class Bench:
    """One trial of one subject. `fresh` gives its answers from fresh processes, when they are wanted."""

    subject: Subject
    folder: Path
    fresh: Callable[[], Sequence[Answers]]
    stories: tuple[Told, ...] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, init=False)

    def __post_init__(self) -> None:
        self.stories = tuple(told(self.subject, history) for history in self.subject.histories)

    @contextlib.asynccontextmanager
    async def stage(
        self, fault: Fault | None = None, *, limit_s: float | None = None, folder: Path | None = None
    ) -> AsyncIterator[Stage]:
        """One life of an instance, in a folder of its own if none is given."""
        async with on_stage(self.subject, folder or self.new_folder(), fault, limit_s) as stage:
            yield stage

    def new_folder(self) -> Path:
        """An empty one, with the agent's state folder in it."""
        folder = self.folder / str(next(self._numbers))
        (folder / "state").mkdir(parents=True)
        return folder

    def cases(self) -> Iterator[tuple[Told, int]]:
        """Every handled message of every history."""
        return ((story, place) for story in self.stories for place in story.handled)

    def one_of_each(self) -> Iterator[tuple[Told, int]]:
        """The last message of each type in each history: it has the longest past."""
        for story in self.stories:
            newest = {story.packets[place].envelope.type: place for place in story.handled}
            yield from ((story, place) for place in newest.values())

    def others(self, story: Told) -> Told:
        """A run that has nothing to do with this one: another history, one that is made up, or its double."""
        for other in self.stories:
            if other.name != story.name and other.handled:
                return other
        try:
            made = told(self.subject, made_up(tuple(self.subject.agent_class.handled.values()))[1])
        except UsageError:
            made = None
        if made is not None and made.handled:
            return made
        same = next(history for history in self.subject.histories if history.name == story.name)
        return told(self.subject, same, run="another-run")

    def effects(self, folder: Path) -> object:
        """What the agent did outside its answers, so far."""
        files = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((folder / "state").rglob("*"))
            if path.is_file()
        }
        return files, None if self.subject.effects is None else self.subject.effects()

    def where(self, story: Told, place: int) -> str:
        """For people."""
        return f"{self.subject.name}, {story.where(place)}"
