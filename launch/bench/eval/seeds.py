"""Which seeds: `1-5`, `7`, `1,4-6`."""

import re

from guildbus.protocols.errors import UsageError

MAX_SEED = 2**31 - 1
MAX_COUNT = 10_000
_PART = re.compile(r"(\d+)(?:-(\d+))?")


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds in the order of the text, each once. Raises UsageError for anything else."""
    seeds: dict[int, None] = {}
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found is not None else (1, 0)
        if not first <= last <= MAX_SEED or last - first >= MAX_COUNT:
            raise UsageError(
                f"{part.strip()!r} are no seeds", where="--seeds", remedy="write them like 1-5 or 1,4,7"
            )
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)
