"""Seeing that a model repeats itself, while it still does. Pure.

A small model can fall into a loop and write the same lines until its token limit: a minute for nothing.
`models.py` ends such an answer, and keeps the text up to the loop. Only whole lines that follow each other
count, and only those that say something: closing braces and blank lines repeat in any good program.
"""

MOST_REPEATS = 4
LONGEST_BLOCK = 4
LEAST_CHARS = 24


def loop_start(text: str) -> int | None:
    """Where the second copy of what the text now repeats begins; None while it goes on.

    A block of at most LONGEST_BLOCK lines repeats if it stands MOST_REPEATS times in a row at the end of the
    whole lines. The start is an index into `text`.
    """
    lines = text.split("\n")[:-1]
    for size in range(1, LONGEST_BLOCK + 1):
        span = size * MOST_REPEATS
        block = lines[-size:]
        if len(lines) < span or sum(map(len, map(str.strip, block))) < LEAST_CHARS:
            continue
        if lines[-span:] == block * MOST_REPEATS:
            first = len(lines) - span
            while first >= size and lines[first - size : first] == block:
                first -= size
            return sum(len(line) + 1 for line in lines[: first + size])
    return None
