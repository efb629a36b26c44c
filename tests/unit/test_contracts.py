"""What is wrong with an agent is found before it starts, by name: the agent, the type, and what to do."""

import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgpack
import pytest

import guildbus
from guildbus import Agent, BuildFinished, BuildPlanned, ConfigError, Context, Message, MessageDied, handles
from guildbus.agents import vocabulary
from guildbus.agents.contracts import Member, check, subscriptions
from guildbus.agents.roster import BUILT_IN, class_for
from guildbus.agents.vocabulary import check_known, registry_of
from guildbus.launch.config import GuildConfig, parse_config
from guildbus.launch.membership import checked_members, members, message_names, swarm_registry
from guildbus.launch.places import Host
from guildbus.protocols import codec
from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.registry import Registry, standard_registry


class Noted(Message):
    """A type of somebody else's."""

    type: ClassVar[str] = "test.noted"

    text: str = ""


class Untyped(Message):
    """Whoever wrote it forgot the type."""


class Taken(Message):
    """Claims one of ours."""

    type: ClassVar[str] = "build.planned"


class Notary(Agent):
    """Notes what is planned."""

    role = "notary"
    subscribes = (BuildPlanned,)
    emits = (Noted,)

    @handles(BuildPlanned)
    async def on_build_planned(self, message: BuildPlanned, ctx: Context) -> Sequence[Message]:
        return [Noted(text=message.spec_name)]


class Second(Notary):
    """Of the same role, and says something else."""

    emits = (BuildFinished,)


class Deaf(Agent):
    """Nobody sends it what it handles."""

    role = "deaf"

    @handles(BuildFinished)
    async def on_build_finished(self, message: BuildFinished, ctx: Context) -> Sequence[Message]:
        return []


class Handless(Agent):
    """Hears of what it does not handle."""

    role = "handless"
    subscribes = (BuildPlanned,)


class Forger(Agent):
    """Would write what only the broker writes."""

    role = "forger"
    emits = (MessageDied,)


class Forgetful(Agent):
    """Says what has no type."""

    role = "forgetful"
    emits = (Untyped,)


class Claimant(Agent):
    """Says what is called like one of ours."""

    role = "claimant"
    emits = (Taken,)


@pytest.fixture
def module() -> Iterator[str]:
    """An importable module with the classes above."""
    made = types.ModuleType("somebody_elses_agents")
    found = (Noted, Notary, Second, Deaf, Handless, Forger, Forgetful, Claimant)
    for one in found:
        setattr(made, one.__name__, one)
    sys.modules[made.__name__] = made
    yield made.__name__
    del sys.modules[made.__name__]


def config(*entries: str) -> GuildConfig:
    host = Host({"GUILDBUS_STATE_DIR": "/nowhere"}, Path("/home/u"), Path("/guild"), "linux", "x86_64")
    return parse_config("".join(entries), "guild.toml", host, Path("/guild"))


def entry(role: str, target: str, name: str = "") -> str:
    named = f'name = "{name}"\n' if name else ""
    return f'[[agents]]\nrole = "{role}"\nentry = "{target}"\n{named}'


def test_every_built_in_class_keeps_to_its_contract() -> None:
    found = [Member(role, class_for(role)) for role in BUILT_IN]
    check(found, "planner")
    assert subscriptions(found) == {}


def test_a_swarm_of_our_own_agents_imports_nobodys_class() -> None:
    assert members(config()) == ()


def test_an_agent_of_ones_own_brings_its_types_and_its_subscriptions(module: str) -> None:
    found = config(entry("notary", f"{module}:Notary"))
    assert subscriptions(checked_members(found)) == {"build.planned.v1": ["notary"]}
    assert message_names(found) == (f"{Noted.__module__}:Noted",)
    registry = swarm_registry(found)
    assert codec.decode("test.noted.v1", codec.encode(Noted(text="x")), registry) == Noted(text="x")
    assert set(registry.bodies) == {*standard_registry().bodies, "test.noted.v1"}


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        (
            "Deaf",
            "handles build.finished.v1, which is addressed to nobody",
            "add BuildFinished to `subscribes`",
        ),
        ("Handless", "subscribes to build.planned.v1 and has no handler", "@handles(BuildPlanned)"),
        ("Forger", "emits message.died.v1, which only the broker writes", "take it out"),
        ("Forgetful", "has no type", "area.happened"),
    ],
)
def test_a_class_that_cannot_work_is_named_with_the_type_and_the_remedy(
    module: str, name: str, what: str, remedy: str
) -> None:
    with pytest.raises(ConfigError, match=r".") as caught:
        checked_members(config(entry(name.lower(), f"{module}:{name}")))
    error = caught.value
    assert (error.code, what in error.what, remedy in error.remedy) == ("usage.config", True, True), error
    assert f"agent {name.lower()!r}" in error.where


def test_agents_that_take_turns_must_do_the_same(module: str) -> None:
    both = config(entry("notary", f"{module}:Notary"), entry("notary", f"{module}:Second", "other"))
    with pytest.raises(ConfigError, match=r"emits (build.finished|test.noted).v1 and '\w+' does not"):
        checked_members(both)
    twice = config(entry("notary", f"{module}:Notary"), entry("notary", f"{module}:Notary", "other"))
    assert len(checked_members(twice)) == 2


def test_one_that_takes_turns_with_ours_is_held_to_what_ours_does() -> None:
    beside = config(entry("go-dev", "guildbus.agents.go_dev:GoDev", "mine"))
    assert [member.name for member in checked_members(beside)] == ["go-dev", "mine"]


def test_a_type_that_is_taken_is_refused(module: str) -> None:
    with pytest.raises(ConfigError, match=r"two classes claim build\.planned\.v1: it is guildbus's"):
        swarm_registry(config(entry("claimant", f"{module}:Claimant")))


@pytest.mark.parametrize("name", ["no_such_module:X", "guildbus.protocols.ids", "json:loads", "json:nothing"])
def test_a_name_that_is_no_message_type_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry_of([name])
    assert name in caught.value.where


def test_an_agent_whose_types_the_swarm_does_not_know_does_not_start() -> None:
    with pytest.raises(ConfigError, match=r"does not know the type test\.noted\.v1") as caught:
        check_known(Member("notary", Notary), standard_registry())
    assert (vocabulary.MESSAGES_GROUP in caught.value.remedy, "notary" in caught.value.where) == (True, True)
    check_known(Member("notary", Notary), standard_registry().extended([Noted]))


def installed(folder: Path, value: str) -> None:
    """A package that registers messages, as pip would leave it."""
    about = folder / "somebody_elses-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-elses\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[guildbus.messages]\nnotes = {value}\n")
    (folder / "somebody_elses_notes.py").write_text(
        "from typing import ClassVar\n\nfrom guildbus import BuildPlanned, Message\n\n\n"
        "class Base(Message):\n    text: str\n\n\n"
        'class Said(Base):\n    type: ClassVar[str] = "notes.said"\n    version: ClassVar[int] = 3\n'
        "    upcasters = {1: lambda old: old | {'text': old.pop('words')}, 2: lambda old: old}\n"
    )


def test_an_installed_package_registers_its_types_with_their_older_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "somebody_elses_notes")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = swarm_registry(config())
    for wire_type, fields in (("notes.said.v1", {"words": "a"}), ("notes.said.v3", {"text": "a"})):
        found = codec.decode(wire_type, msgpack.packb(fields), registry)
        assert (found.wire_type(), found.model_dump()) == ("notes.said.v3", {"text": "a"})
    assert registry.spellings("notes.said.v3") == ("notes.said.v3", "notes.said.v2", "notes.said.v1")


def test_an_upcaster_that_fails_is_a_body_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "somebody_elses_notes:Said")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidBody, match="the upcaster fails: KeyError: 'words'"):
        codec.decode("notes.said.v1", msgpack.packb({"text": "a"}), swarm_registry(config()))


def test_a_package_that_registers_nonsense_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "somebody_elses_notes:Base")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="names no message class") as caught:
        swarm_registry(config())
    assert "somebody_elses_notes:Base" in caught.value.where


def test_a_registry_extended_by_what_it_holds_is_itself() -> None:
    registry = Registry([Noted])
    assert registry.extended([Noted]) is registry
    assert standard_registry().spellings("build.planned.v1") == ("build.planned.v1",)


def test_a_handler_whose_message_is_of_another_type_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"handles build\.planned\.v1, and its message is a BuildFinished"):

        @handles(BuildPlanned)
        async def wrong(self: object, message: BuildFinished, ctx: Context) -> list[Message]:
            return []


def test_the_public_names_are_there_and_cost_nothing_until_they_are_used() -> None:
    for name in guildbus.__all__:
        assert getattr(guildbus, name) is not None
    assert sorted(name for names in guildbus._HOMES.values() for name in names) == sorted(guildbus.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _: Callable[..., Any] = guildbus.nonsense
    heavy = "import guildbus, sys; print(sorted({'pydantic', 'msgpack', 'zmq'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
