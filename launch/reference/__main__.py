"""Write the reference pages: `python -P -m guildbus.launch.reference [FOLDER]`, docs/reference if left
out."""

import sys
from pathlib import Path

from guildbus.launch.reference import pages


def main() -> None:
    """Write each page that is not there as it should be, and name it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"written: {path}\n")


if __name__ == "__main__":
    main()
