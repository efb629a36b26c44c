"""The completion store: a completed model call is never paid twice (design §4).

Content-addressed: the key is a hash of all that decides an answer
(`guildbus.agents.chat.completion_key`), the value one JSON file,
`<state>/completions/ab/<key>.json`. A file appears whole or not at all, so any number of
processes may share the folder. `resume` and `replay` read the same files.
"""

import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from guildbus.agents.chat import ChatRequest, Completion, ModelEntry, OnTokens, completion_key
from guildbus.protocols.errors import ModelError


class Model(Protocol):
    """What can be asked: `ChatModel`, or a `StoredModel` around one."""

    @property
    def entry(self) -> ModelEntry: ...
    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion: ...
    async def aclose(self) -> None: ...


class CompletionStore:
    """The files under `<state_dir>/completions`."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "completions"

    def path(self, key: str) -> Path:
        """Where the completion of this key lies, or would lie."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Completion | None:
        """The stored completion, marked `cached`; None if there is none that can be read.

        A damaged file counts as missing: the call is made again and the file replaced.
        """
        try:
            stored = Completion.model_validate_json(self.path(key).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return stored.model_copy(update={"cached": True}) if stored.key == key else None

    def put(self, completion: Completion) -> None:
        """Keep it, durably: after this returns, a crash or a power cut does not lose it."""
        path = self.path(completion.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = completion.model_copy(update={"cached": False}).model_dump_json(indent=1)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=".", suffix=".tmp", delete=False
        ) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)


class StoredModel:
    """A model that looks its answers up before it computes them.

    A hit keeps the first call's tokens, `started_at` and `wall_s`, and says `cached=True`: a
    reader that adds up what a run spent leaves those out.
    """

    def __init__(self, model: Model, store: CompletionStore) -> None:
        self._model = model
        self._store = store

    @property
    def entry(self) -> ModelEntry:
        """The model's configuration."""
        return self._model.entry

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        """As `ChatModel.complete`; stored the moment that the call ends."""
        stored = self._store.get(completion_key(self.entry, request))
        if stored is not None:
            return stored
        completion = await self._model.complete(request, on_tokens)
        # Not in a thread: a cancel between the answer and the file would lose a paid call.
        self._store.put(completion)
        return completion

    async def aclose(self) -> None:
        """Close the model's connections."""
        await self._model.aclose()


class MissingCompletion(ModelError):
    """An answer is wanted that the store does not have, and no model may be asked."""

    code = "infra.missing_completion"


class OfflineModel:
    """A model that is never asked: it knows the stored completions of `keys`, those of one run, alone.

    Raises MissingCompletion, which names the key, for any other call.
    """

    def __init__(self, entry: ModelEntry, store: CompletionStore, keys: Collection[str]) -> None:
        self._entry = entry
        self._store = store
        self._keys = keys

    @property
    def entry(self) -> ModelEntry:
        """The model's configuration."""
        return self._entry

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        """The stored completion."""
        key = completion_key(self._entry, request)
        call = f"model {self._entry.model}, candidate {request.candidate_index}"
        if key not in self._keys:
            raise MissingCompletion(
                f"the run made no such call: its prompt or its sampling is another now (completion {key})",
                where=call,
                remedy="were the models or temperatures in guild.toml changed, or guildbus itself?",
            )
        stored = self._store.get(key)
        if stored is None:
            raise MissingCompletion(
                f"completion {key} is not in the store, or cannot be read",
                where=f"{call}: {self._store.path(key)}",
                remedy="without it the run cannot be replayed; `guildbus build` makes another",
            )
        return stored

    async def aclose(self) -> None:
        """There is nothing to close."""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
