"""Help with a misspelt key, for specs and for `guild.toml` alike."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`: did you mean 'purpose'?`, or all the known keys when nothing is close."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f" (known: {', '.join(names)})"
