"""The running checksum of SQLite's write-ahead log, and the one bit that explains a wrong one.

Two sums over pairs of 32-bit words: `s0 += x0 + s1; s1 += x1 + s0`. Each word counts in the result with a
factor that follows from its place alone, so a single flipped bit can be found from the difference that it
made. Two flipped bits, a torn page or a stale one match no place. `wal.py` is the reader.
"""

import struct
from typing import Final

Sums = tuple[int, int]

_MASK: Final = 0xFFFFFFFF


def running_sums(data: bytes | bytearray, start: Sums, order: str) -> Sums:
    """Count on from `start`. `order` is that of struct: "<" or ">"."""
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for one, two in zip(words, words, strict=True):
        first = (first + one + second) & _MASK
        second = (second + two + first) & _MASK
    return first, second


def single_flips(data: bytes, found: Sums, wanted: Sums, order: str) -> list[tuple[int, int]]:
    """Every (word, bit) whose flip alone would turn the sums `found` into `wanted`; mostly one or none.

    The high bits of many words count alike, so there may be several: then it is certain that a bit was
    flipped, and not which.
    """
    missing = ((wanted[0] - found[0]) & _MASK, (wanted[1] - found[1]) & _MASK)
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    flips: list[tuple[int, int]] = []
    even, odd = (1, 1), (0, 1)
    for place in range(len(words) - 2, -1, -2):
        flips += [(place, bit) for bit in _bits(even, missing, words[place])]
        flips += [(place + 1, bit) for bit in _bits(odd, missing, words[place + 1])]
        even, odd = _one_step_earlier(even), _one_step_earlier(odd)
    return flips


def flipped(data: bytes, word: int, bit: int, order: str) -> bytes:
    """The same data with one bit changed."""
    words = list(struct.unpack(f"{order}{len(data) // 4}I", data))
    words[word] ^= 1 << bit
    return struct.pack(f"{order}{len(words)}I", *words)


def _bits(factors: Sums, missing: Sums, word: int) -> list[int]:
    """Which bits of a word of these factors make the difference."""
    first, second = factors
    fitting: list[int] = []
    for bit in range(32):
        sign = -1 if word >> bit & 1 else 1
        if (sign * first << bit) & _MASK == missing[0] and (sign * second << bit) & _MASK == missing[1]:
            fitting.append(bit)
    return fitting


def _one_step_earlier(factors: Sums) -> Sums:
    first, second = factors
    return (first + second) & _MASK, (first + 2 * second) & _MASK
