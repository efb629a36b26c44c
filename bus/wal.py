"""Is SQLite's write-ahead log whole? Read before SQLite does, because SQLite does not say.

SQLite checks every frame of a log that it recovers, and silently drops all that stands behind the first
one whose checksum is wrong. Behind a flipped bit there may be commits that were confirmed. `examine` tells

- `sound`: nothing behind the last commit but an unfinished one
- `torn`: one commit at the very end does not check, by more than one bit: the power went before it was on
  disk. It was never confirmed, as far as can be told
- `damaged`: a single bit was flipped, and is set right; or a commit does not check although another was
  begun behind it. With synchronous=FULL a commit is on disk before the next one begins, so it was confirmed

For `damaged` it also gives the log as it shall be: the bit set right or, if there is more damage than that,
the checksums counted anew, so that SQLite keeps every frame and the checksums of the records (`records.py`)
find what is wrong in them. Pure: bytes in, verdict out. Format: "WAL-mode File Format" in SQLite's
documentation. `opening.py` uses it; the arithmetic is in `wal_sums.py`.
"""

import itertools
import struct
from dataclasses import dataclass, field
from typing import Final, Literal

from guildbus.bus.wal_sums import Sums, flipped, running_sums, single_flips

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
_MAGIC: Final = 0x377F0682
_VERSION: Final = 3007000
_MOST_CORRECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class LogFinding:
    """`kept` frames are what SQLite would accept; `behind` are those of the same log that it would drop.

    `damaged` are the frames that do not check, from 1; `mended` is the log for SQLite to read, or None.
    """

    verdict: Literal["sound", "torn", "damaged"]
    kept: int = 0
    behind: int = 0
    damaged: tuple[int, ...] = ()
    mended: bytes | None = None


@dataclass(slots=True)
class _Frame:
    """`was_whole`: it checks, or a single flipped bit is why it does not."""

    page: int
    size_after: int
    ours: bool
    checks: bool
    was_whole: bool

    @property
    def commits(self) -> bool:
        return self.ours and self.size_after > 0


def examine(log: bytes, page_size: int) -> LogFinding:
    """Check a whole log file against the format's salts and running checksums."""
    count = (len(log) - HEADER_BYTES) // (FRAME_HEADER_BYTES + page_size)
    if count < 1:
        return LogFinding("sound")
    magic, version, size, _, salt1, salt2, *stored = struct.unpack_from(">8I", log)
    order = ">" if magic & 1 else "<"
    header_checks = (
        magic & ~1 == _MAGIC
        and (version, size) == (_VERSION, page_size)
        and running_sums(log[:24], (0, 0), order) == tuple(stored)
    )
    if not header_checks:
        salt1, salt2 = struct.unpack_from(">2I", log, HEADER_BYTES + 8)
        order = "<"
    right = bytearray(log)
    reader = _Reader(right, page_size, (salt1, salt2), order)
    frames = reader.frames(count, (stored[0], stored[1]))
    if not header_checks and frames:
        frames[0].checks = frames[0].was_whole = True
    finding = _judge(bytes(right), page_size, frames, (salt1, salt2), order, header_checks)
    if not reader.put_right:
        return finding
    named = tuple(sorted({*finding.damaged, *reader.put_right}))
    if finding.mended is None:
        kept = max((k + 1 for k, frame in enumerate(frames) if frame.commits and frame.checks), default=0)
        return LogFinding(
            "damaged", finding.kept, max(kept, min(named)) - min(named) + 1, named, bytes(right)
        )
    return LogFinding("damaged", finding.kept, finding.behind, named, finding.mended)


@dataclass(slots=True)
class _Reader:
    """Takes the log apart, and sets single flipped bits right in place."""

    log: bytearray
    page_size: int
    salts: Sums
    order: str
    put_right: list[int] = field(default_factory=list)
    tries: int = 0

    def frames(self, count: int, start: Sums) -> list[_Frame]:
        """Every frame, each checked against what its predecessor says: a bad one does not taint the rest."""
        frames: list[_Frame] = []
        before = start
        for k in range(count):
            at = HEADER_BYTES + k * (FRAME_HEADER_BYTES + self.page_size)
            *_, salt1, salt2, first, second = struct.unpack_from(">6I", self.log, at)
            ours = (salt1, salt2) == self.salts
            if not ours and k and not frames[-1].ours:
                break
            sums = self._sums(at, before)
            checks = sums == (first, second)
            was_whole = checks
            if ours and not checks:
                was_whole = self._explain(k, at, sums, (first, second))
                first, second = struct.unpack_from(">2I", self.log, at + 16)
                sums = self._sums(at, before)
                checks = sums == (first, second)
            elif checks and not ours:
                # The checksums run on through this frame, so it is ours, and its salts were changed.
                struct.pack_into(">2I", self.log, at + 8, *self.salts)
                self.put_right.append(k + 1)
                ours = True
            page, size_after = struct.unpack_from(">2I", self.log, at)
            before = sums if checks else (first, second)
            frames.append(_Frame(page, size_after, ours, checks, was_whole))
        for frame, following in itertools.pairwise(frames):
            frame.ours = frame.ours or following.checks
        while frames and not frames[-1].ours:
            frames.pop()
        return frames

    def _sums(self, at: int, before: Sums) -> Sums:
        body = at + FRAME_HEADER_BYTES
        sums = running_sums(self.log[at : at + 8], before, self.order)
        return running_sums(self.log[body : body + self.page_size], sums, self.order)

    def _explain(self, k: int, at: int, sums: Sums, stored: Sums) -> bool:
        """Whether one flipped bit explains a frame that does not check; set it right if it is known which."""
        if self.tries >= _MOST_CORRECTIONS:
            return False
        self.tries += 1
        if (sums[0] ^ stored[0]).bit_count() + (sums[1] ^ stored[1]).bit_count() == 1:
            # In the checksum itself, if the next frame goes on from the right one; else in the page.
            following = at + FRAME_HEADER_BYTES + self.page_size
            if following + FRAME_HEADER_BYTES + self.page_size <= len(self.log):
                goes_on = struct.unpack_from(">2I", self.log, following + 16)
                if self._sums(following, sums) == goes_on:
                    struct.pack_into(">2I", self.log, at + 16, *sums)
                    self.put_right.append(k + 1)
            return True
        body = at + FRAME_HEADER_BYTES
        content = bytes(self.log[at : at + 8] + self.log[body : body + self.page_size])
        flips = single_flips(content, sums, stored, self.order)
        if len(flips) == 1:
            right = flipped(content, *flips[0], self.order)
            self.log[at : at + 8] = right[:8]
            self.log[body : body + self.page_size] = right[8:]
            self.put_right.append(k + 1)
        return bool(flips)


def _judge(
    log: bytes, page_size: int, frames: list[_Frame], salts: Sums, order: str, header_checks: bool
) -> LogFinding:
    bad = [k for k, frame in enumerate(frames) if not frame.checks]
    if header_checks and not bad:
        return LogFinding("sound", kept=len(frames))
    first = bad[0] if bad and header_checks else 0
    ends = [k for k, frame in enumerate(frames) if k >= first and frame.commits]
    kept = max((k + 1 for k in range(first) if frames[k].commits), default=0)
    behind = len(frames) - kept
    named = tuple(k + 1 for k in bad)
    if not ends:
        return LogFinding("sound", kept)
    last = ends[-1]
    begun = ends[-2] + 1 if len(ends) > 1 else kept
    if last == len(frames) - 1 and any(begun <= k and not frames[k].was_whole for k in bad):
        # Nothing was begun behind the last commit, so nothing proves that it ever was confirmed.
        last = ends[-2] if len(ends) > 1 else -1
    if last < 0:
        return LogFinding("torn", kept, behind, named)
    mended = _chained(log, page_size, frames[: last + 1], salts, order)
    return LogFinding("damaged", kept, behind, named, mended)


def _chained(log: bytes, page_size: int, frames: list[_Frame], salts: Sums, order: str) -> bytes:
    """The same log with all checksums and salts set right. No frame moves: readers may have it open."""
    mended = bytearray(log)
    magic = _MAGIC | (order == ">")
    (checkpoint,) = struct.unpack_from(">I", log, 12)
    struct.pack_into(">6I", mended, 0, magic, _VERSION, page_size, checkpoint, *salts)
    sums = running_sums(bytes(mended[:24]), (0, 0), order)
    struct.pack_into(">2I", mended, 24, *sums)
    pages = frames[-1].size_after
    for k, frame in enumerate(frames):
        at = HEADER_BYTES + k * (FRAME_HEADER_BYTES + page_size)
        # A page number out of bounds is given one that a later frame writes over.
        page = frame.page if 1 <= frame.page <= pages else frames[-1].page
        struct.pack_into(">4I", mended, at, page, frame.size_after, *salts)
        sums = running_sums(bytes(mended[at : at + 8]), sums, order)
        body = bytes(mended[at + FRAME_HEADER_BYTES : at + FRAME_HEADER_BYTES + page_size])
        sums = running_sums(body, sums, order)
        struct.pack_into(">2I", mended, at + 16, *sums)
    return bytes(mended)
