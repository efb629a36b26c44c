"""The child process that serves a GGUF model: llama.cpp's own server, through `xllamacpp`.

    python -P -m guildbus.launch.llama_server --model FILE --alias NAME [--port N] ...

It prints one JSON line, `{"ready": URL}`, when it serves. llama.cpp's chatter goes to the log
file. It ends at once on SIGTERM, also while it loads the model (which keeps Python's lock, so
no handler would run): the kernel's default action is left in place. When it was given a
lifeline (`guildbus.bus.lifeline`) it ends with its parent, by that and on Linux by the
kernel's parent-death signal, which works during the load too.

Who starts it, and shares it between builds: `guildbus.launch.model_servers`.
"""

import argparse
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from guildbus.bus.lifeline import watch_lifeline
from guildbus.protocols.errors import ModelError

Waiting = Literal["spin", "yield", "passive"]
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class LlamaOptions:
    """What is served, and how.

    `context_tokens` is shared among the `slots`. `threads` 0 leaves the choice to llama.cpp.
    `waiting` says what a compute thread does between two pieces of work: `spin` (fastest on an idle
    machine), `yield` (no polling by llama.cpp's own pool), `passive` (OpenMP sleeps: leaves the
    processor to others). `adapters` are LoRA files, loaded but applied only to requests that ask
    (`"lora": [{"id": 0, "scale": 1}]`). `speculate` guesses ahead from what the prompt holds. `reuse` keeps
    what the last prompt's beginning came to: faster, but the last digits of an answer's probabilities then
    depend on what was asked before, as they do on what is asked at the same time. Without it, and with one
    slot, a request that is repeated is answered with the same words.
    """

    model: Path
    alias: str
    host: str = "127.0.0.1"
    port: int = 0
    context_tokens: int = 8192
    slots: int = 2
    threads: int = 0
    waiting: Waiting = "yield"
    speculate: bool = False
    reuse: bool = True
    adapters: tuple[Path, ...] = ()
    log: Path | None = None

    def argv(self) -> tuple[str, ...]:
        """The command line that `parse` turns into these options again."""
        words = ["--model", str(self.model), "--alias", self.alias, "--host", self.host]
        words += ["--port", str(self.port), "--context-tokens", str(self.context_tokens)]
        words += ["--slots", str(self.slots), "--threads", str(self.threads), "--waiting", self.waiting]
        words += ["--speculate"] if self.speculate else []
        words += [] if self.reuse else ["--no-reuse"]
        for adapter in self.adapters:
            words += ["--adapter", str(adapter)]
        words += ["--log", str(self.log)] if self.log else []
        return tuple(words)


def parse(argv: Sequence[str] | None = None) -> LlamaOptions:
    """Read a command line."""
    parser = argparse.ArgumentParser(prog="python -P -m guildbus.launch.llama_server")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--context-tokens", type=int, default=8192)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--waiting", choices=("spin", "yield", "passive"), default="yield")
    parser.add_argument("--speculate", action="store_true")
    parser.add_argument("--no-reuse", action="store_false", dest="reuse")
    parser.add_argument("--adapter", type=Path, action="append", default=[], dest="adapters")
    parser.add_argument("--log", type=Path)
    values = vars(parser.parse_args(argv))
    return LlamaOptions(**{**values, "adapters": tuple(values["adapters"])})


def end_with_parent() -> None:
    """End when the parent does, if it gave us a lifeline; otherwise live on without it."""
    if not watch_lifeline() or sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died between the two calls
        os._exit(1)


def check(options: LlamaOptions) -> None:
    """Raise ModelError for what llama.cpp would only crash on: a missing file, a port in use."""
    for path in (options.model, *options.adapters):
        if not path.is_file():
            raise ModelError("no such file", where=str(path), remedy="fetch it with `guildbus models pull`")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            raise ModelError(
                f"the port cannot be used: {error.strerror}",
                where=f"{options.host}:{options.port}",
                remedy="choose another port, or 0 for a free one",
            ) from None


def start(options: LlamaOptions) -> Any:
    """Load the model and serve it: returns xllamacpp's server, whose threads do the work."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.alias}
    params.hostnames, params.port = [options.host], options.port
    params.n_ctx, params.n_parallel = options.context_tokens, options.slots
    params.cache_prompt = options.reuse
    params.ui = False
    for pool in (params.cpuparams, params.cpuparams_batch):
        if options.threads:
            pool.n_threads = options.threads
        if options.waiting != "spin":
            pool.poll = 0
    if options.adapters:
        params.lora_init_without_apply = True
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(path), 1.0) for path in options.adapters]
    if options.speculate:
        kinds = xllamacpp.common_speculative_type
        params.speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until killed."""
    end_with_parent()
    options = parse()
    try:
        check(options)
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)
    ready = os.dup(sys.stdout.fileno())
    if options.log is not None:
        log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 2)
    os.dup2(2, 1)
    if options.waiting == "passive":
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when the library is loaded
    server = start(options)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.write(ready, json.dumps({"ready": server.listening_address}).encode() + b"\n")
    os.close(ready)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
