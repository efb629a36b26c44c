"""A page that is followed in a real shell: what fails in it, fails."""

import os
from pathlib import Path

import pytest

from pages import PageError, Shell, follow

GOOD = """Save it as `there/hello.sh`:

```sh
echo "hello, $1"
```

```console
$ cd there
$ who=reader; export who
$ bash hello.sh $who
hello, reader
$ cat
$ false   # exit code 1
```

Add to `hello.sh`:

```sh
exit 3
```

```console
$ bash hello.sh again   # exit code 3
hello, again
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def followed(page: Path, text: str) -> list[str]:
    page.write_text(text, encoding="utf-8")
    with Shell(page.parent, os.environ) as shell:
        return [command.text for command in follow(page, shell)]


def test_a_page_that_is_right_is_followed_to_its_end(page: Path) -> None:
    assert followed(page, GOOD)[-1].startswith("bash hello.sh again")
    assert (page.parent / "there" / "hello.sh").read_text() == 'echo "hello, $1"\nexit 3\n'


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("hello, reader", "hello, writer", "the page shows:\nhello, writer\nand it said:\nhello, reader"),
        ("$ cd there", "$ cd nowhere", "page.md, line 8: `cd nowhere` ended with 1"),
        ("$ false   # exit code 1", "$ false", "page.md, line 13: `false` ended with 1"),
        ("again   # exit code 3", "again", "line 23: `bash hello.sh again` ended with 3"),
        ("$ cat\n", "$ echo 'unfinished\n", "line 12: `echo 'unfinished` ended with"),
        ("$ cat\n", "$ exit\n", "`exit` ended the shell"),
        ("exit 3", "exit 4", "ended with 4"),
    ],
)
def test_what_fails_in_it_fails(page: Path, right: str, wrong: str, said: str) -> None:
    assert right in GOOD
    with pytest.raises(PageError) as failed:
        followed(page, GOOD.replace(right, wrong, 1))
    assert said in str(failed.value)


def test_a_command_without_an_end_is_not_waited_for(page: Path) -> None:
    with Shell(page.parent, os.environ) as shell, pytest.raises(PageError, match="no end of `sleep 60`"):
        shell.run("sleep 60", timeout_s=0.2)
