"""A green package as a finisher is asked about it, for its author's own tests. Pure."""

import hashlib
from collections.abc import Mapping

from guildbus.agents.planning import GO_MOD, is_test, plan
from guildbus.protocols.messages.finish import FinishRequested
from guildbus.protocols.messages.verification import Score, VerificationFinished, VerifiedFile
from guildbus.protocols.spec import Spec, SpecFile

FAR = 4_000_000_000.0
"""Seconds since the epoch: no test runs until then."""


def finish_request(role: str, tree: Mapping[str, str], purposes: Mapping[str, str]) -> FinishRequested:
    """The request about a package of these files (path -> text), which is green.

    `purposes` is path -> what the spec says of that file, as `files:` of a spec has it. Raises SpecError for
    prose that contradicts itself.
    """
    files = [SpecFile(path=GO_MOD, purpose="The module file.")]
    files += [SpecFile(path=path, purpose=purposes[path]) for path in tree]
    spec = Spec(name="made-up", language="go", go_module="example.com/made-up", files=tuple(files))
    verified = tuple(
        VerifiedFile(
            path=path,
            author="go-test" if is_test(path) else "go-dev",
            round=0,
            index=0,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            content=text,
        )
        for path, text in tree.items()
    )
    green = Score(build=True, vet=True, test=True)
    return FinishRequested(
        role=role,
        spec=spec,
        plan=plan(spec),
        reached=VerificationFinished(stage=0, round=0, score=green, green=True, files=verified),
        until=FAR,
    )
