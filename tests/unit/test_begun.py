"""The beginning of a reply is what is certain of one function; what follows it is put into the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.begun import begun_for
from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.prompting import prompt_for, sources_from
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Signature

PURPOSE = """package text. Turned(s string) string returns s with its runes in the
opposite order. It works by rune, never by byte. IsTurned(s, t string) bool reports whether t is
what Turned gives for s. Case counts."""
OLD = "package text\n\n// Turned is wrong.\nfunc Turned(s string) string { return s }\n\nvar Kept = 1\n"
BEGUN = """```go
package text

// IsTurned reports whether t is what Turned gives for s. Case counts.
func IsTurned(s, t string) bool {
"""


def asked(scope: str = "Turned", purpose: str = PURPOSE, **changes: object) -> DraftRequested:
    """A request for one function of a package of two."""
    task = FileTask(path="text.go", purpose=purpose, owner="go-dev", package="text", stage=0)
    fields: dict[str, object] = {
        "task": task,
        "author": "go-dev",
        "round": 3,
        "reason": "function",
        "scope": scope,
        "reference": "def turned(s):\n    return s[::-1]\n",
        "previous": OLD,
        "module": "example.com/text",
        "overview": f"Two functions. All files use package text.\n\n{purpose}",
        "api": (
            Signature(name="Turned", text="func Turned(s string) string"),
            Signature(name="IsTurned", text="func IsTurned(s, t string) bool"),
            Signature(name="Text", text="type Text string"),
            Signature(name="Text.Len", text="func (t Text) Len() int"),
        ),
    }
    return DraftRequested.model_validate(fields | changes)


def test_it_is_the_specs_own_sentences_the_stated_signature_and_the_first_word() -> None:
    assert begun_for(asked("IsTurned")) == BEGUN
    assert "// Turned returns s with its runes in the opposite order. It works by rune" in begun_for(asked())


def test_a_sentence_that_goes_on_is_about_the_one_before() -> None:
    purpose = "Turned(s string) string turns s. It is what IsTurned asks for. IsTurned compares."
    assert "\n// Turned turns s. It is what IsTurned asks for.\nfunc" in begun_for(asked(purpose=purpose))


@pytest.mark.parametrize("scope", ["", "Text", "Unstated"])
def test_only_a_stated_function_is_begun(scope: str) -> None:
    assert begun_for(asked(scope)) == ""


def test_a_method_is_begun_by_its_own_name() -> None:
    purpose = "type Text string holds runes. func (t Text) Len() int returns how many."
    begun = begun_for(asked("Text.Len", purpose=purpose))
    assert begun.endswith("\n\n// Len returns how many.\nfunc (t Text) Len() int {\n")


def test_a_test_is_begun_with_what_it_is_to_show() -> None:
    task = FileTask(
        path="text_test.go",
        purpose="Two tests, TestLen and TestTurned. TestLen: an empty text, and a long one.",
        owner="go-test",
        package="text",
        stage=0,
        tests=("TestLen", "TestTurned"),
    )
    begun = begun_for(asked("TestLen", task=task, author="go-test"))
    assert begun == (
        "```go\npackage text\n\n// TestLen: an empty text, and a long one.\nfunc TestLen(t *testing.T) {\n"
    )


@pytest.mark.parametrize(
    "purpose",
    [
        "package text. Two functions.",
        "package text. Write the function Turned.",
        "Turned",
        "Turned(s string) string",
        "Turned does this:\n```go\nTurned(s)\n```",
        f"Turned returns {'s ' * 1000}.",
    ],
)
def test_without_a_sentence_that_would_do_there_is_no_comment(purpose: str) -> None:
    assert begun_for(asked(purpose=purpose)) == ("```go\npackage text\n\nfunc Turned(s string) string {\n")


def test_parameters_without_names_are_left_to_the_model() -> None:
    unnamed = (Signature(name="Turned", text="func Turned(string) string"),)
    purpose = "Turned(string) string turns its argument."
    begun = begun_for(asked(purpose=purpose, api=unnamed))
    assert begun.endswith("// Turned turns its argument.\nfunc Turned")


def test_so_are_those_of_a_generic_function() -> None:
    generic = (Signature(name="Turned", text="func Turned[T any](func(T) T) T"),)
    assert begun_for(asked(purpose="Two functions.", api=generic)).endswith("\nfunc Turned")


def test_every_other_candidate_does_not_see_the_program() -> None:
    users = [prompt_for(asked(), candidate).user for candidate in range(4)]
    assert ["def turned" in user for user in users] == [True, False, True, False]
    assert ["the right program" in user for user in users] == [True, False, True, False]
    assert len({prompt_for(asked(), candidate).begun for candidate in range(4)}) == 1
    unbegun = [prompt_for(asked("Text"), candidate).user for candidate in range(2)]
    assert all("def turned" in user for user in unbegun)


CONTINUED = "\t// First make runes of s; then turn them.\n\treturn turned([]rune(s))\n}\n"
HELPER = "\nfunc turned(r []rune) string {\n\treturn string(r)\n}\n"
WHOLE = "package text\n\nfunc Turned(s string) string {\n\treturn turned([]rune(s))\n}\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"{CONTINUED}{HELPER}```",
        f"{CONTINUED}{HELPER}",
        f"{CONTINUED}{HELPER}```\nI hope that this helps.",
        f"```go\n{WHOLE}{HELPER}```",
        f"Here is the function:\n\n```go\n{WHOLE}{HELPER}```\n",
        f"{WHOLE}{HELPER}",
    ],
)
def test_a_reply_is_read_on_from_its_beginning_or_alone_where_it_began_anew(reply: str) -> None:
    (source,) = sources_from(asked(), [reply])
    file = parse(source)
    assert not file.root.has_error
    assert sorted(found.name for found in declarations(file)) == ["Kept", "Turned", "turned"]
    assert source.count("return turned([]rune(s))") == 1
    assert "is wrong" not in source


@pytest.mark.parametrize("purpose", [PURPOSE, "package text. Two functions."])
def test_it_ends_where_a_word_ends(purpose: str) -> None:
    assert begun_for(asked(purpose=purpose)).endswith(" {\n")


def test_the_beginning_is_in_the_file_with_what_followed_it() -> None:
    (source,) = sources_from(asked(), [f"{CONTINUED}```"])
    assert "// Turned returns s with its runes in the opposite order." in source
    assert "\t// First make runes of s; then turn them.\n" in source


@pytest.mark.parametrize("reply", ["\t// Make runes.\n\tfor _, r := range s {\n", "I cannot do that.", ""])
def test_what_makes_no_function_makes_no_file(reply: str) -> None:
    assert sources_from(asked(), [reply]) == [""]
    assert len(sources_from(asked(), [reply, f"{CONTINUED}```"])) == 1


@given(st.text(alphabet="`go \n\t{}()/pack\"'", max_size=60))
def test_no_reply_leaves_a_broken_file(reply: str) -> None:
    for source in sources_from(asked(), [reply]):
        assert source == "" or not parse(source).root.has_error


def test_a_reply_ends_where_it_goes_on_to_another_function_of_the_file() -> None:
    assert prompt_for(asked(), 0).stop[1:] == ("\n// IsTurned", "\nfunc IsTurned(s, t string) bool")
    assert prompt_for(asked("IsTurned"), 0).stop[1:] == ("\n// Len", "\nfunc (t Text) Len() int")
    assert prompt_for(asked("Text.Len"), 0).stop[1:] == ("\n// Turned", "\nfunc Turned(s string) string")
