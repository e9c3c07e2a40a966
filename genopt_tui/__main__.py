"""The `genopt` command: what it does lies in `genopt_tui.cli`; here errors become one line and an
exit code."""

import os
import sys
from types import TracebackType

from genopt_tui.errors import Exit, GenoptError, single_line
from genopt_tui.session import prespawn

RUNNER_COMMANDS = ("run", "demo")  # commands that want a runner


def main() -> None:
    """Run the command line and leave with its exit code. `--debug` anywhere shows tracebacks."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    if arguments[:1] and arguments[0] in RUNNER_COMMANDS and "--help" not in arguments:
        prespawn.spawn_runner()
    debug = len(arguments) < len(sys.argv) - 1
    if not debug:
        sys.excepthook = print_unexpected_error
    sys.exit(run_command(arguments, debug))


def run_command(arguments: list[str], debug: bool = False) -> int:
    """The exit code of one command. Errors for people are told on standard error in one line."""
    import click  # a runner that starts early does so before this

    from genopt_tui.cli import command

    try:
        code = command.main(arguments, prog_name="genopt", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else Exit.DONE
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return Exit.USAGE
    except click.ClickException as error:
        print(f"genopt: {single_line(error.format_message())}", file=sys.stderr)
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader went away: it has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except GenoptError as error:
        if debug:
            raise
        print(f"genopt: {error}", file=sys.stderr)
        return int(error.exit_code)


def print_unexpected_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error that is ours, in one line."""
    print(
        f"genopt: {kind.__name__}: {single_line(str(error))}. Please report it; --debug shows where",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
