"""Text that a model or a stranger wrote, made safe to show: control characters are shown, not obeyed. Pure.

Without this an escape sequence in a message could colour, clear or retitle the terminal of whoever reads it,
and a bidirectional override could make code read other than it runs.
"""

from typing import Final

_BIDI: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_SHOWN: Final = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*_CONTROLS, *_BIDI)
    if chr(code) not in "\n\t"
}


def printable(text: str) -> str:
    """The same text with every control character but tab and line break written as `\\x1b`, `\\u202e`."""
    return text if text.isascii() and text.isprintable() else text.translate(_SHOWN)
