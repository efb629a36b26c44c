"""What the SDK gives an author beside messages: prompts as files, Go by functions, the spec by functions."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guildbus import GoSource, PromptError, Prompts, code_in, said_of
from guildbus.agents.said_of import sentences_about
from told import spec_of

MODULE = "somebody_elses_prompts"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of prompts beside an imported module."""
    path = tmp_path / f"{MODULE}.py"
    path.write_text("")
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec is not None
    sys.modules[MODULE] = importlib.util.module_from_spec(spec)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "ask.md").write_text("\nOf $name:\n${rule}, for $$5.\n")
    yield tmp_path / "prompts"
    del sys.modules[MODULE]


def test_a_template_is_filled_in_and_values_stay_as_they_are(folder: Path) -> None:
    prompts = Prompts(MODULE, {"ask.md": ("name", "rule")})
    assert prompts.fill("ask.md", name="GCD", rule="$cost") == "Of GCD:\n$cost, for $5."


@pytest.mark.parametrize(
    ("templates", "what"),
    [
        ({"none.md": ()}, "cannot be read"),
        ({"ask.md": ("name",)}, r"\$rule would stay empty"),
        ({"ask.md": ("name", "rule", "code")}, r"it has no \$code"),
        ({"bad.md": ()}, "begins no placeholder"),
    ],
)
def test_a_mistake_is_found_when_the_module_is_imported(
    folder: Path, templates: dict[str, tuple[str, ...]], what: str
) -> None:
    (folder / "bad.md").write_text("costs $ 5")
    with pytest.raises(PromptError, match=what) as caught:
        Prompts(MODULE, templates)
    assert str(folder) in caught.value.where
    assert caught.value.remedy


def test_a_mistake_of_the_call_is_named(folder: Path) -> None:
    prompts = Prompts(MODULE, {"ask.md": ("name", "rule")})
    with pytest.raises(PromptError, match=r"\$rule would stay empty"):
        prompts.fill("ask.md", name="GCD")
    with pytest.raises(PromptError, match=r"it has no \$more"):
        prompts.fill("ask.md", name="GCD", rule="", more="")
    with pytest.raises(PromptError, match="no such prompt"):
        prompts.fill("other.md")
    with pytest.raises(PromptError, match="the module is in no file"):
        Prompts("no_such_module", {})


SOURCE = """package kit

// Add adds.
// Both.
func Add(a, b int) int { return a + b }

type Stack struct{}

func (s *Stack) Push(x int) {
}

func helper() {}
"""


def test_functions_with_their_comments_and_signatures() -> None:
    source = GoSource(SOURCE)
    assert (source.package, source.fault) == ("kit", "")
    assert source.names == ("Add", "Stack", "Stack.Push", "helper")
    add, push, helper = source.functions
    assert (add.name, add.signature, add.doc) == ("Add", "func Add(a, b int) int", "Add adds.\nBoth.")
    assert add.text == "func Add(a, b int) int { return a + b }"
    assert (push.name, push.exported, push.doc) == ("Stack.Push", True, "")
    assert helper.exported is False
    assert GoSource("package kit\nfunc").fault.startswith("2:")


def test_a_function_is_put_in_the_place_of_another() -> None:
    changed = GoSource(SOURCE).with_function("Add", "func Add(a, b int) int { return b + a }")
    assert "// Add adds." not in changed.text
    assert changed.with_doc("Add", "Add adds.\nBoth.").text == SOURCE.replace("a + b", "b + a")
    with pytest.raises(KeyError):
        GoSource(SOURCE).with_function("Add", "I cannot do that.")


def test_comments_declarations_and_imports_are_added() -> None:
    source = GoSource(SOURCE).with_doc("Add", "Add is new.").with_doc("Stack.Push", "Push is new.")
    assert "kit\n\n// Add is new.\nfunc Add" in source.text
    assert "\n\n// Push is new.\nfunc (s *Stack) Push" in source.text
    with pytest.raises(KeyError):
        source.with_doc("Sub", "Sub is none.")
    more = source.with_declarations("func more() { fmt.Println() }").with_imports("fmt")
    assert more.fault == ""
    assert 'import "fmt"' in more.text
    assert more.text.endswith("func more() { fmt.Println() }\n")


def test_the_code_of_a_reply() -> None:
    assert code_in("Sure:\n```go\nfunc F() {}\n```\nor ```\n") == "func F() {}\n"
    assert code_in("```\na\n```\n```go\nlonger\n") == "longer\n"
    assert code_in("func F() {}") == "func F() {}\n"


def test_what_a_spec_says_of_one_function() -> None:
    purpose = (
        "package kit. Add(a, b int) int adds. It never fails. Sub(a, b int) int undoes Add. Zero is fine."
    )
    spec = spec_of({"kit.go": purpose}, name="kit")
    names = ("Add", "Sub")
    assert said_of(spec, "", "Sub", names) == "Sub(a, b int) int undoes Add. Zero is fine."
    assert said_of(spec, "", "Add", names).startswith("Add(a, b int) int adds. It never fails.")
    assert "package kit." in said_of(spec, "", "Mul", names)
    purpose = "package kit. Add(a, b int) int adds. Sub(a, b int) int subtracts. It undoes Add. Zero is fine."
    spec = spec_of({"kit.go": purpose}, name="kit")
    assert said_of(spec, "", "Sub", names) == "Sub(a, b int) int subtracts. It undoes Add. Zero is fine."
    assert sentences_about(purpose, "Add", names) == ["Add(a, b int) int adds."]
