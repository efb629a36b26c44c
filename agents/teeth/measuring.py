"""Measure the teeth of a module: find mutants, build them, run each, count. The edge of this folder.

The module's own suite must pass already. Everything runs in the sandbox, within a number of seconds that
the caller gives; what there is no time for is counted as skipped, and since the mutants run in an order that
is even over functions, what was run is still a fair sample. Read script.py for what happens inside.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from guildbus.agents.golang.diagnostics import parse_tool_output
from guildbus.agents.judge_script import TREE
from guildbus.agents.sandbox import Command, Sandbox
from guildbus.agents.teeth import script, workspace
from guildbus.agents.teeth.mutants import Mutant, find_mutants, sampled
from guildbus.agents.teeth.schema import Region, Variant, regions, with_mutants
from guildbus.agents.teeth.script import Fate, Job
from guildbus.agents.teeth.workspace import Package
from guildbus.protocols.errors import SandboxError

CAP = 120
"""Mutants that are run at most."""
SEED = 1
MAX_BUILDS = 6
"""Builds until no mutant is refused any more: a package hides the errors of those that import it."""
OUTPUT_BYTES = 8_000_000


@dataclass(frozen=True)
class Measured:
    """What became of each mutant that was chosen out of `found`. `why` says why there is nothing: else ''."""

    found: int
    cap: int
    fates: tuple[tuple[Mutant, Fate], ...]
    sources: Mapping[str, str]
    wall_s: float
    why: str = ""

    def count(self, *fates: Fate) -> int:
        """How many came to one of these ends."""
        return sum(fate in fates for _, fate in self.fates)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Those that no test noticed, in the order of the text."""
        return tuple(sorted(mutant for mutant, fate in self.fates if fate == "survived"))

    @property
    def score(self) -> float | None:
        """Killed of killed and survived; None without either."""
        killed = self.count("killed", "timeout")
        judged = killed + len(self.survivors)
        return killed / judged if judged else None


async def measure(
    sandbox: Sandbox,
    module: Path | Mapping[str, str],
    *,
    seconds: float,
    cap: int = CAP,
    seed: int = SEED,
) -> Measured:
    """The teeth of a module's suite: a folder, which is only read, or contents by path, go.mod among them.

    It takes a few seconds more than `seconds` at most. SandboxError if the sandbox cannot start.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guildbus-teeth-") as name:
        folder = Path(name)
        workspace.copy_module(module, folder)
        work = Measurement(sandbox, folder, started + seconds, lambda found: sampled(found, cap, seed))
        found = await work.run()
    return Measured(
        found=found.found,
        cap=cap,
        fates=found.fates,
        sources=found.sources,
        wall_s=time.monotonic() - started,
        why="" if found.score is not None else found.why or _why_nothing(found),
    )


def _why_nothing(found: Measured) -> str:
    """Why nothing was killed and nothing survived."""
    if not found.found:
        return "there is nothing to mutate"
    if found.count("skipped"):
        return "there was no time to run any mutant"
    return "no mutant compiles to other code"


class Measurement:
    """One measurement in its workspace, with a clock that runs.

    `chosen` says which of all mutants run, and in which order. With `watched`, a mark that the tests print,
    `differs` holds what a mutant prints with it and the original does not.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        end: float,
        chosen: Callable[[Sequence[Mutant]], Sequence[Mutant]],
        watched: str = "",
    ) -> None:
        self.differs: dict[Mutant, str] = {}
        self._sandbox = sandbox
        self._folder = folder
        self._end = end
        self._chosen = chosen
        self._watched = watched
        self._packages: tuple[Package, ...] = ()
        self._sources: dict[str, str] = {}
        self._mutants: dict[int, Mutant] = {}
        self._found = 0

    async def run(self) -> Measured:
        """What becomes of the chosen mutants. SandboxError if the sandbox cannot start."""
        await self._look()
        refused: set[int] = set()
        apart: dict[str, frozenset[Region]] = {}
        for _ in range(MAX_BUILDS):
            if self._left() < 1:
                return self._ended("there was no time left to run any mutant")
            live = {number: m for number, m in self._mutants.items() if number not in refused}
            if not live:
                return self._ended("", dict.fromkeys(refused, "uncompiled"))
            variants = self._variants(live, apart)
            printed = await self._execute(live, variants)
            if printed.unfit is not None:
                return self._ended(
                    f"the suite does not pass beside its mutants: {printed.unfit.strip()[-300:]}"
                )
            if printed.complaints is None:
                self.differs = {self._mutants[number]: text for number, text in printed.differs.items()}
                fates = {number: printed.fates.get(number, "skipped") for number in live}
                return self._ended("", {**fates, **dict.fromkeys(refused, "uncompiled")})
            if not self._learn(printed.complaints, variants, refused, apart):
                first = printed.complaints.strip()[:300]
                return self._ended(f"the mutants cannot be built together: {first}")
        return self._ended("the mutants cannot be built together")

    async def _look(self) -> None:
        """The packages, their sources, and the mutants to run, numbered from 1 in the order to run them."""
        command = ("sh", "-c", f"pwd && exec {' '.join(workspace.LIST)}")
        done = await self._sandbox.run(Command(command, self._folder, cwd=TREE, wall_s=self._wall()))
        root, _, listing = done.stdout.partition("\n")
        if not done.ok:
            raise SandboxError(f"go list failed: {done.stderr.strip()[-300:]}", where=self._sandbox.name)
        self._packages = workspace.read_packages(listing, root)
        everything: list[Mutant] = []
        for path in (path for package in self._packages for path in package.files):
            self._sources[path] = (self._folder / TREE / path).read_text(encoding="utf-8", errors="replace")
            everything += find_mutants(path, self._sources[path])
        self._found = len(everything)
        self._mutants = dict(enumerate(self._chosen(everything), 1))

    def _variants(
        self, live: Mapping[int, Mutant], apart: Mapping[str, frozenset[Region]]
    ) -> dict[str, Variant]:
        """The files that hold several mutants each."""
        found = {}
        for path in dict.fromkeys(mutant.file for mutant in live.values()):
            own = {number: mutant for number, mutant in live.items() if mutant.file == path}
            variant = with_mutants(self._sources[path], own, apart.get(path, frozenset()))
            if variant.numbers:
                found[path] = variant
        return found

    async def _execute(self, live: Mapping[int, Mutant], variants: Mapping[str, Variant]) -> script.Printed:
        marker = f"==teeth:{time.time_ns()}"
        together = frozenset(number for variant in variants.values() for number in variant.numbers)
        jobs = [self._job(number, mutant, together) for number, mutant in live.items()]
        tested = [number for number, package in enumerate(self._packages) if package.tested]
        mutated = sorted({job.own for job in jobs})
        rest = script.scripts(
            marker,
            self._left(),
            tested=tested,
            untested=[number for number in mutated if number not in tested],
            mutated=mutated,
            watched=self._watched,
        )
        rest["jobs"] = "".join(job.line() for job in jobs)
        workspace.write_overlays(self._folder, self._packages, self._sources, live, variants, rest)
        command = Command(
            ("sh", "../overlays/all.sh"),
            self._folder,
            cwd=TREE,
            wall_s=self._wall(),
            output_bytes=OUTPUT_BYTES,
        )
        done = await self._sandbox.run(command)
        printed = script.read(marker, done.stdout)
        if not (printed.done or printed.fates or done.timed_out):
            raise SandboxError(
                f"the mutants did not run: {done.stderr.strip()[-300:]}", where=self._sandbox.name
            )
        return printed

    def _job(self, number: int, mutant: Mutant, together: frozenset[int]) -> Job:
        own = next(k for k, package in enumerate(self._packages) if mutant.file in package.files)
        folder = self._packages[own].folder
        users = [
            k for k, package in enumerate(self._packages) if package.tested and folder in package.reaches
        ]
        return Job(number, number not in together, own, tuple(sorted(users, key=lambda k: k != own)))

    def _learn(
        self,
        complaints: str,
        variants: Mapping[str, Variant],
        refused: set[int],
        apart: dict[str, frozenset[Region]],
    ) -> bool:
        """Note which mutants the compiler refuses, and which regions do not fit; False if nothing is new.

        A region that does not fit takes its mutants' complaints along: alone, they may be all right.
        """
        names = workspace.schema_names(variants)
        unfit: dict[str, set[Region]] = {}
        blamed: list[tuple[str, Region, int]] = []
        for complaint in parse_tool_output("build", complaints, "/nonexistent"):
            path = names.get(complaint.file)
            place = variants[path].at(complaint.line) if path is not None else None
            if path is None:
                continue
            if place is None:
                unfit.setdefault(path, set()).update(regions(self._sources[path]))
            elif place.number is None:
                unfit.setdefault(path, set()).add(place.region)
            else:
                blamed.append((path, place.region, place.number))
        for path, found in unfit.items():
            apart[path] = apart.get(path, frozenset()) | found
        guilty = {number for path, region, number in blamed if region not in unfit.get(path, ())}
        refused |= guilty
        return bool(guilty or unfit)

    def _ended(self, why: str, fates: Mapping[int, Fate] | None = None) -> Measured:
        known = () if fates is None else tuple((self._mutants[n], fates[n]) for n in sorted(fates))
        return Measured(self._found, len(self._mutants), known, self._sources, 0.0, why)

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _wall(self) -> float:
        """Beyond the deadline, so that what had begun can end by its own."""
        return max(1.0, self._left()) + 5.0
