"""What the tests of witnesses share: an API, a program, and its outcomes in the real sandbox."""

import hashlib

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.protocols.messages.oracle import ReferenceProgram, ReferenceRequested
from guildbus.protocols.spec import Signature


def api(*texts: str) -> Api:
    return read_api([Signature(name="x", text=text) for text in texts])


def program(content: str, language: str = "python", name: str = "") -> ReferenceProgram:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ReferenceProgram.model_validate(
        {"name": name or f"{language}-0", "language": language, "content": content, "sha256": digest}
    )


def request(count: int, first: int = 0, language: str = "python") -> ReferenceRequested:
    """So many references of GCD, from a sample on."""
    return ReferenceRequested.model_validate(
        {
            "folder": "",
            "package": "numkit",
            "overview": "o",
            "api": (Signature(name="GCD", text="func GCD(a, b int) int"),),
            "count": count,
            "first": first,
            "language": language,
        }
    )


def calls(name: str, *args: list[Json]) -> list[Json]:
    return [{"call": name, "args": one} for one in args]


async def outcomes(
    witnesses: Witnesses, api: Api, source: str, cases: list[Json], language: str = "python"
) -> list[Json]:
    found = await witnesses.testify(program(source, language), api, cases)
    assert len(found.outcomes) == len(cases)
    return list(found.outcomes)
