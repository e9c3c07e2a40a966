"""The `genopt` command's entry point. A runner is spawned before anything else is imported."""

import sys
from types import TracebackType

from genopt_tui.cli.streams import prepare_standard_streams
from genopt_tui.errors import single_line
from genopt_tui.session import prespawn

RUNNER_COMMANDS = ("run", "demo")


def main() -> None:
    """Run the command line and exit with its code. `--debug` anywhere shows tracebacks."""
    prepare_standard_streams()
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    if arguments[:1] and arguments[0] in RUNNER_COMMANDS and "--help" not in arguments:
        prespawn.spawn_runner()
    debug = len(arguments) < len(sys.argv) - 1
    if not debug:
        sys.excepthook = print_unexpected_error
    sys.exit(run_command(arguments, debug))


def run_command(arguments: list[str], debug: bool = False) -> int:
    """The exit code of one command."""
    from genopt_tui.cli.app import command  # a runner is spawned before click is imported
    from genopt_tui.cli.invoke import invoke

    return invoke(command, arguments, debug)


def print_unexpected_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an error that is our fault in one line."""
    what = f"{kind.__name__}: {single_line(str(error))}"
    print(f"genopt: {what}. Please report it; --debug shows where", file=sys.stderr)


if __name__ == "__main__":
    main()
