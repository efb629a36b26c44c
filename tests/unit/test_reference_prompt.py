"""A reference's prompt holds the spec and its signatures alone; the program is read from the reply."""

import pytest

from guildbus.agents.oracle.reference_prompt import program_in, reference_prompt
from guildbus.agents.prompt_texts import template
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.messages.oracle import ReferenceRequested
from guildbus.protocols.spec import Example, Signature

REQUEST = ReferenceRequested(
    folder="roman",
    package="roman",
    overview="ToRoman writes numbers in Roman figures. It fails for 0.",
    api=(
        Signature(name="ToRoman", text="func ToRoman(n int) (string, error)"),
        Signature(name="ErrRange", text="var ErrRange error"),
    ),
    examples=(Example(function="ToRoman", call="ToRoman(4)", want='"IV", nil', folder="roman"),),
    seed=7,
)


@pytest.mark.parametrize("language", ["python", "go"])
def test_the_prompt_is_the_spec_and_the_shape_to_the_last_character(language: str) -> None:
    request = REQUEST.model_copy(update={"language": language})
    prompt = reference_prompt(request, 0)
    assert prompt.system == template(f"reference_{language}.md")
    rest = prompt.user.removeprefix(f"{REQUEST.overview}\n\n")
    assert rest != prompt.user
    if language == "python":
        assert "# <the whole rule of this function>\ndef to_roman(n: int) -> str" in rest
        assert "class ErrRange(Exception)" in rest
        assert "func " not in rest
    else:
        assert all(signature.text in rest for signature in REQUEST.api)
    assert len(rest) < 400, "nothing but the shape"
    assert [part.kind for part in prompt.manifest] == ["system", "spec", "instruction"]
    assert sum(part.size_chars for part in prompt.manifest) == len(prompt.system + prompt.user)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "In Tape and to_roman, handle negative numbers in the first line, before any % or //."),
        ("go", "In Tape and ToRoman, handle negative numbers in the first line, before any % or /."),
    ],
)
def test_where_programs_came_out_by_their_languages_signs_the_next_are_told_so(
    language: str, line: str
) -> None:
    plain = REQUEST.model_copy(update={"language": language})
    told = plain.model_copy(update={"signs": ("Tape", "ToRoman")})
    assert reference_prompt(told, 2).user == f"{reference_prompt(plain, 2).user}\n\n{line}"


@pytest.mark.parametrize(
    ("language", "tape", "numeral", "span", "first"),
    [
        ("python", "tape", "to_roman", "span.last < span.first", "first"),
        ("go", "Tape", "ToRoman", "span.Last < span.First", "First"),
    ],
)
def test_where_programs_forgot_a_comparison_it_is_written_down_as_code(
    language: str, tape: str, numeral: str, span: str, first: str
) -> None:
    stated = (
        "type Span struct { First, Last int }",
        "func Tape(spans []Span) []Span",
        "func ToRoman(n int) string",
    )
    plain = ReferenceRequested(
        folder="",
        package="p",
        overview="A span whose Last is below its First is empty. Tape gives the spans sorted by First. "
        "ToRoman adds; where n < 0, it fails.",
        api=tuple(Signature(name="x", text=text) for text in stated),
        language=language,
    )
    told = plain.model_copy(update={"unheeded": ("Tape", "ToRoman")})
    assert reference_prompt(told, 2).user == (
        f"{reference_prompt(plain, 2).user}\n\n"
        f'In {numeral}, first sort out n < 0: "where n < 0, it fails."\n\n'
        f"In {tape}, first remove or replace each span with {span}, as the rule says. "
        f"Then sort by {first}. Then do the rest."
    )


def test_a_request_has_no_place_for_code_or_tests() -> None:
    """The fields of a draft request that can hold them are none of a reference request's."""
    carrying = {"visible", "previous", "evidence", "reference", "task"}
    assert carrying <= DraftRequested.model_fields.keys()
    assert not carrying & ReferenceRequested.model_fields.keys()


def test_samples_differ_and_each_is_the_same_again() -> None:
    drawn = [reference_prompt(REQUEST, sample) for sample in range(6)]
    assert len({prompt.seed for prompt in drawn}) == 6
    assert len({prompt.temperature for prompt in drawn}) == 6
    assert len({prompt.user for prompt in drawn}) == 1
    assert drawn == [reference_prompt(REQUEST, sample) for sample in range(6)]


def test_languages_and_runs_have_seeds_of_their_own() -> None:
    go, other = REQUEST.model_copy(update={"language": "go"}), REQUEST.model_copy(update={"seed": 8})
    seeds = {reference_prompt(one, sample).seed for one in (REQUEST, go, other) for sample in range(6)}
    assert len(seeds) == 18


CODE = "def f():\n    return 1"


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{CODE}\n```",
        f"Here it is:\n\n```python\n{CODE}\n```\nIt returns 1.",
        f"```\n{CODE}\n```",
        f"  ```py\n{CODE}\n  ```",
        CODE,
        f"{CODE}\n\n\n",
        f"```python\n{CODE}",
        f"```python\n{CODE}\n```\nUse it:\n```python\nf()\n```",
        f"```sh\npython f.py\n```\n```python\n{CODE}\n```",
    ],
)
def test_the_program_of_a_reply(reply: str) -> None:
    assert program_in(reply) == f"{CODE}\n"


def test_an_empty_reply_is_an_empty_program() -> None:
    assert program_in("").strip() == ""
    assert program_in("```python\n```").strip() == ""
