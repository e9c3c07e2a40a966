"""Invoking a command: errors for people become one line and an exit code."""

import os
import sys
from collections.abc import Sequence

import click

from genopt_tui.errors import Exit, GenoptError, single_line


def invoke(command: click.Command, arguments: Sequence[str], debug: bool = False) -> int:
    """Run a command and return its exit code; errors go to standard error, in one line.

    With `debug`, our own errors are raised instead.
    """
    try:
        code = command.main(list(arguments), prog_name="genopt", standalone_mode=False)
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
    except BrokenPipeError:  # the reader has what it wanted; exit must not flush into the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except GenoptError as error:
        if debug:
            raise
        print(f"genopt: {error}", file=sys.stderr)
        return int(error.exit_code)
