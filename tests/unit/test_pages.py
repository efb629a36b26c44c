"""What is read off a page of docs/, and when what a command says is not what the page shows."""

import pytest

from pages import Command, File, PageError, difference, steps

PAGE = """# A page

Save it as `a/b.py`:

```python
print("hello")
```

Now run it. The second time it fails:

```console
$ python a/b.py
hello
...
$ python a/c.py   # exit code 2
$ echo done
```

Add to `guild.toml`, at its end:

```toml
[build]
```
"""


def test_files_and_commands_come_in_the_order_of_the_page() -> None:
    assert steps(PAGE) == [
        File(5, "a/b.py", 'print("hello")\n'),
        Command(12, "python a/b.py", ("hello", "...")),
        Command(15, "python a/c.py   # exit code 2", exit_code=2),
        Command(16, "echo done"),
        File(21, "guild.toml", "[build]\n", added=True),
    ]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Look:\n\n```python\nx = 1\n```\n", "line 3: nothing says what becomes of this block of python"),
        ("```console\nhello\n$ echo hello\n```\n", "line 2: output without a command"),
        ("Save it as `x`:\n\n```\nhello\n", "line 3: the block has no end"),
    ],
)
def test_a_block_that_cannot_be_followed_is_a_mistake(page: str, said: str) -> None:
    with pytest.raises(PageError, match=said):
        steps(page)


def test_only_the_paragraph_right_before_a_block_says_where_it_goes() -> None:
    with pytest.raises(PageError):
        steps("Save it as `x`.\n\nThis is how it looks:\n\n```\nhello\n```\n")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ([], ["anything"]),
        (["a", "b"], ["a", "", "b  "]),
        (["..."], []),
        (["...", "b"], ["a", "b"]),
        (["a", "..."], ["a", "b"]),
        (["a", "...", "d", "..."], ["a", "b", "c", "d", "e"]),
        (["took 1.5 s in numkit-b5cv7ujo"], ["took 12.25  s in numkit-aaaaaaa2"]),
        (["attempt 1 by go-x/18142-a7f3aa: failed"], ["attempt 1 by go-x/7-ffffff: failed"]),
        (
            ["far  t2OgF7q[dD4z]$2cYm{vsp!O06yypHQL-:Se33@-"],
            ["far  :c)D<I#fU*<FGh$)T32(6DQUNzGvwYjiAs=K#%B3"],
        ),
        (["   3.45  └─ size.measured #12  a -> all"], ["  13.45  └─ size.measured #7  a -> all"]),
    ],
)
def test_what_fits(shown: list[str], said: list[str]) -> None:
    assert difference(shown, said) == ""


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (["a"], []),
        (["a"], ["a", "b"]),
        (["a"], ["b", "a"]),
        (["a", "b"], ["a", "c", "b"]),
        (["a", "...", "d"], ["a", "d", "e"]),
        (["...", "b", "c"], ["b", "a", "c"]),
        (["3/3"], ["2/3"]),
        (["2 files"], ["3 files"]),
        (["took 1.5 s"], ["took 2 s"]),
    ],
)
def test_what_does_not_fit(shown: list[str], said: list[str]) -> None:
    assert difference(shown, said) != ""
