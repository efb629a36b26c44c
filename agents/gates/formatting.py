"""gofmt as a gate's formatter: the thin edge between the pure gates and the real toolchain."""

from guildbus.agents.gates.context import Formatter
from guildbus.agents.golang.syntax import SyntaxFault
from guildbus.agents.golang.toolchain import GoSyntaxError, Toolchain


def gofmt_of(toolchain: Toolchain) -> Formatter:
    """The toolchain's gofmt, with a syntax error as a value."""

    def format_source(source: str) -> str | SyntaxFault:
        try:
            return toolchain.gofmt(source)
        except GoSyntaxError as error:
            return SyntaxFault(error.line, error.column, error.message)

    return format_source
