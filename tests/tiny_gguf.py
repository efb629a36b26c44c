"""A GGUF model that says one letter for ever, and LoRA adapters that make it say another.

    write_model(path, "a")     answers "aaaa..." to everything
    write_adapter(path, "b")   on top of that model, "bbbb..."

Real files for the real llama.cpp, of some 150 kB: a Llama of one layer whose attention and feed-forward
weights are zero, so the last hidden state is the same for every token, and the output matrix alone decides
what comes. Its tokens are the 256 bytes. The layout is GGUF version 3, written by hand: it is little, and
saves a dependency.
"""

import struct
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WIDTH = 32
SPECIAL = ("<unk>", "<s>", "</s>")
TOKENS = (*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)))
ALIGNMENT = 32
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9
UNKNOWN_TOKEN, CONTROL_TOKEN, BYTE_TOKEN = 2, 3, 6

Tensor = tuple[str, tuple[int, ...], Sequence[float]]
"""Name, sizes with the innermost first, and the numbers."""


def write_model(path: Path, letter: str) -> None:
    """A model that answers with this letter, again and again."""
    square = (WIDTH, WIDTH)
    zeros, ones = [0.0] * WIDTH**2, [1.0] * WIDTH
    layer = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    tensors: list[Tensor] = [
        ("token_embd.weight", (WIDTH, len(TOKENS)), ones * len(TOKENS)),
        ("output_norm.weight", (WIDTH,), ones),
        ("output.weight", (WIDTH, len(TOKENS)), _row_of(letter, [1.0] * WIDTH)),
        ("blk.0.attn_norm.weight", (WIDTH,), ones),
        ("blk.0.ffn_norm.weight", (WIDTH,), ones),
        *((f"blk.0.{name}.weight", square, zeros) for name in layer),
    ]
    kinds = [UNKNOWN_TOKEN, CONTROL_TOKEN, CONTROL_TOKEN, *[BYTE_TOKEN] * 256]
    facts: list[tuple[str, int, Any]] = [
        ("general.architecture", STRING, "llama"),
        ("llama.context_length", UINT32, 8192),
        ("llama.embedding_length", UINT32, WIDTH),
        ("llama.block_count", UINT32, 1),
        ("llama.feed_forward_length", UINT32, WIDTH),
        ("llama.attention.head_count", UINT32, 1),
        ("llama.attention.head_count_kv", UINT32, 1),
        ("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        ("llama.rope.dimension_count", UINT32, WIDTH),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, TOKENS)),
        ("tokenizer.ggml.scores", ARRAY, (FLOAT32, [0.0] * len(TOKENS))),
        ("tokenizer.ggml.token_type", ARRAY, (INT32, kinds)),
        ("tokenizer.ggml.unknown_token_id", UINT32, 0),
        ("tokenizer.ggml.bos_token_id", UINT32, 1),
        ("tokenizer.ggml.eos_token_id", UINT32, 2),
        ("tokenizer.chat_template", STRING, TEMPLATE),
    ]
    path.write_bytes(_gguf(facts, tensors))


def write_adapter(path: Path, letter: str) -> None:
    """A LoRA adapter of rank 1 on the output matrix, which drowns whatever the base says in this letter."""
    facts: list[tuple[str, int, Any]] = [
        ("general.type", STRING, "adapter"),
        ("general.architecture", STRING, "llama"),
        ("adapter.type", STRING, "lora"),
        ("adapter.lora.alpha", FLOAT32, 1.0),
    ]
    tensors: list[Tensor] = [
        ("output.weight.lora_a", (WIDTH, 1), [1.0] * WIDTH),
        ("output.weight.lora_b", (1, len(TOKENS)), _row_of(letter, [3.0])),
    ]
    path.write_bytes(_gguf(facts, tensors))


def _row_of(letter: str, row: list[float]) -> list[float]:
    """A matrix of a row a token: this one for the letter, zeros for the others."""
    before, after = len(SPECIAL) + ord(letter), len(TOKENS) - len(SPECIAL) - ord(letter) - 1
    return [0.0] * len(row) * before + row + [0.0] * len(row) * after


def _gguf(facts: Sequence[tuple[str, int, Any]], tensors: Sequence[Tensor]) -> bytes:
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(facts))
    for name, kind, value in facts:
        head += _text(name) + struct.pack("<I", kind) + _value(kind, value)
    data = b""
    for name, sizes, numbers in tensors:
        head += _text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, len(data))
        data += _padded(array("f", numbers).tobytes())
    return _padded(head) + data


def _value(kind: int, value: Any) -> bytes:
    match kind:
        case 4:
            return struct.pack("<I", value)
        case 5:
            return struct.pack("<i", value)
        case 6:
            return struct.pack("<f", value)
        case 8:
            return _text(value)
        case _:
            inner, values = value
            return struct.pack("<IQ", inner, len(values)) + b"".join(_value(inner, one) for one in values)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % ALIGNMENT)
