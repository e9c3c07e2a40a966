"""Invoking a command: its errors become one line and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from genopt_tui.cli.streams import discard_output
from genopt_tui.errors import EvaluationError, Exit, GenoptError, single_line
from genopt_tui.folders import user_dir

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
MACHINE_ERRORS = (
    *FULL_DISK,
    errno.EACCES,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)
"""Errors of the operating system that are not a fault of genopt."""


def invoke(command: click.Command, arguments: Sequence[str], debug: bool = False) -> int:
    """Run a command and return its exit code. An error is printed in one line on standard error.

    With `debug` it is raised instead.
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
        discard_output()
        return Exit.DONE
    except OSError as error:
        if debug or error.errno not in MACHINE_ERRORS:
            raise
        discard_output()
        print(f"genopt: {make_machine_error(error)}", file=sys.stderr)
        return Exit.FAILED
    except GenoptError as error:
        if debug:
            raise
        print(f"genopt: {error}", file=sys.stderr)
        return int(error.exit_code)


def make_machine_error(error: OSError) -> GenoptError:
    """An error of the operating system for people: which file, why, what to do."""
    why = error.strerror or str(error)
    if error.errno in FULL_DISK:
        what = f"cannot write {_decode_name(error) or 'a file or standard output'}"
        return EvaluationError(what, why, "Free some space and try again")
    name = _decode_name(error)
    ours = user_dir()
    advice = "Check its permissions" if name else ""
    if name and (Path(name).is_relative_to(ours) or ours.is_relative_to(name)):
        advice = "Set GENOPT_HOME to a folder that you can write"
    return EvaluationError(f"cannot use {name or 'a file'}", why, advice)


def _decode_name(error: OSError) -> str:
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
