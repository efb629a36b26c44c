"""The roster: each role has a class that plays it, and a wrong entry is an error that says what is wrong."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from guildbus.agents.agent import Agent, handles
from guildbus.agents.roster import BUILT_IN, BUILT_IN_EMITS, class_for, emitted_types, make_agent
from guildbus.agents.settings import AgentSettings
from guildbus.launch.config import ROLES, WITNESSING_ROLES
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.base import ANY_ROLE
from guildbus.protocols.messages.build import BuildRequested
from guildbus.protocols.messages.draft import DraftProposed
from guildbus.protocols.registry import standard_registry


class Reviewer(Agent):
    role = "go-review"
    emits = (DraftProposed,)


class Configured(Agent):
    role = "go-configured"

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings


@pytest.fixture
def reviews() -> Iterator[str]:
    """An importable module with the classes above."""
    module = types.ModuleType("somebody_elses_reviews")
    vars(module).update(Reviewer=Reviewer, Configured=Configured, NOT_A_CLASS=3, Plain=str)
    sys.modules[module.__name__] = module
    yield module.__name__
    del sys.modules[module.__name__]


def settings(role: str, entry: str = "") -> AgentSettings:
    here = Path("/nowhere")
    return AgentSettings(
        name=role,
        role=role,
        entry=entry,
        endpoint="ipc:///nowhere/bus.sock",
        journal=here / "journal.db",
        state_dir=here,
        cache_dir=here,
    )


def test_the_built_in_roles_are_those_of_the_default_roster() -> None:
    assert tuple(BUILT_IN) == (*ROLES, *WITNESSING_ROLES)


@pytest.mark.parametrize("role", [*ROLES, *WITNESSING_ROLES])
def test_every_built_in_role_has_its_class(role: str) -> None:
    found = class_for(role)
    assert found.role == role
    assert found.handlers


@pytest.mark.parametrize("role", [*ROLES, *WITNESSING_ROLES])
def test_every_built_in_agent_can_be_made(role: str) -> None:
    assert make_agent(settings(role)).role == role


@pytest.mark.parametrize("role", [*ROLES, *WITNESSING_ROLES])
def test_the_table_of_what_is_published_is_what_the_classes_declare(role: str) -> None:
    assert BUILT_IN_EMITS[role] == class_for(role).emits


def test_what_a_class_of_somebody_elses_may_publish_is_read_off_it(reviews: str) -> None:
    assert emitted_types("go-review", f"{reviews}:Reviewer") == {"draft.proposed.v1"}
    with pytest.raises(ConfigError):
        emitted_types("go-review", f"{reviews}:Missing")


@pytest.mark.parametrize("declared", [[BuildRequested], BuildRequested, ("build.requested",), (str,), None])
def test_emits_must_be_a_tuple_of_message_classes(declared: object) -> None:
    with pytest.raises(TypeError, match=r"Wrong\.emits must be a tuple of Message classes"):
        type("Wrong", (Agent,), {"role": "go-wrong", "emits": declared})


def test_whatever_a_body_is_sent_to_is_handled_there() -> None:
    for body in standard_registry().bodies.values():
        for role in (body.to, *body.recipients):
            if role not in (None, ANY_ROLE):
                assert body.wire_type() in class_for(role).handlers


def test_go_dev_and_go_test_are_two_classes() -> None:
    assert class_for("go-dev") is not class_for("go-test")


def test_an_entry_names_a_class_of_somebody_elses(reviews: str) -> None:
    assert class_for("go-review", f"{reviews}:Reviewer") is Reviewer
    assert type(make_agent(settings("go-review", f"{reviews}:Reviewer"))) is Reviewer


def test_an_agent_that_wants_settings_gets_them(reviews: str) -> None:
    wanted = settings("go-configured", f"{reviews}:Configured")
    agent = make_agent(wanted)
    assert isinstance(agent, Configured)
    assert agent.settings == wanted


@pytest.mark.parametrize(
    ("role", "entry", "complaint"),
    [
        ("go-review", "no_such_module:Reviewer", "No module named"),
        ("go-review", "{module}:Missing", "Missing"),
        ("go-review", "{module}:NOT_A_CLASS", "not a subclass"),
        ("go-review", "{module}:Plain", "not a subclass"),
        ("go-other", "{module}:Reviewer", "plays the role 'go-review'"),
        ("go-nobody", "", "no agent plays this role"),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(reviews: str, role: str, entry: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        class_for(role, entry.format(module=reviews))
    assert role in caught.value.where


def test_a_handler_must_be_async_and_take_message_and_context() -> None:
    with pytest.raises(TypeError, match="async"):

        @handles(BuildRequested)
        def plain(self: object, message: object, ctx: object) -> list[object]:
            return []

    with pytest.raises(TypeError, match=r"\(self, message, ctx\)"):

        @handles(BuildRequested)
        async def short(self: object, message: object) -> list[object]:
            return []


def test_handlers_are_inherited_and_never_shared_between_classes() -> None:
    class Base(Agent):
        role = "base"

        @handles(BuildRequested)
        async def on_build_requested(self, message: object, ctx: object) -> list[object]:
            return []

    class More(Base):
        @handles(DraftProposed)
        async def on_draft_proposed(self, message: object, ctx: object) -> list[object]:
            return []

    assert set(Base.handlers) == {"build.requested.v1"}
    assert set(More.handlers) == {"build.requested.v1", "draft.proposed.v1"}
    assert Agent.handlers == {}
