"""The list of keys as the door sees it: taken up at the start, and again whenever the file has changed.

A broken line at the start is an error. Later it is logged, and lets nobody in; the others stay in force.
"""

from typing import Final

from guildbus.bus.keys import AllowedKey, Keyring
from guildbus.bus.late_log import LateLog
from guildbus.protocols.errors import ConfigError, NotAllowed

Stamp = tuple[int, ...]
_ABSENT: Final[Stamp] = (0,)


class GuestList:
    """Who may come in now. ConfigError for a list with mistakes in it."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._log = LateLog("door")
        self._checked = self._read = self._stamp()
        self._allowed, mistakes = keyring.allowed()
        for mistake in mistakes:
            raise ConfigError(mistake, where=str(keyring.allowed_path), remedy="mend or remove the line")

    def holds(self, key: str) -> bool:
        """Whether a key is on the list as it was last read."""
        return key in self._allowed

    def holds_now(self, key: str) -> bool:
        """Whether a key is on the list in the file."""
        self._refresh()
        return key in self._allowed

    def denial(self, key: str, agent: str, role: str) -> NotAllowed | None:
        """Why the owner of a key may not say HELLO under this name and role; None if it may."""
        entry: AllowedKey | None = self._allowed.get(key)
        if entry is None:
            return NotAllowed("this key is not on the list", where="HELLO")
        return entry.denial(agent, role)

    def changed(self) -> bool:
        """Whether the list is another than at the last call."""
        self._refresh()
        before, self._checked = self._checked, self._read
        return before != self._read

    def _refresh(self) -> None:
        stamp = self._stamp()
        if stamp == self._read:
            return
        self._read = stamp  # taken before the file is read: a change in between is seen the next time
        self._allowed, mistakes = self._keyring.allowed()
        for mistake in mistakes:
            self._log.error("list_of_keys_broken", where=str(self._keyring.allowed_path), what=mistake)
        self._log.info("list_of_keys_read", keys=len(self._allowed))

    def _stamp(self) -> Stamp:
        try:
            found = self._keyring.allowed_path.stat()
        except OSError:
            return _ABSENT
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
