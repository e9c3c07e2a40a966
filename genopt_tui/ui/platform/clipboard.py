"""The clipboard: through the terminal (OSC 52), and through a program of this machine where there
is one."""

import os
import shutil
import subprocess
from base64 import b64encode

from genopt_tui.ui.platform.terminal import wrap_for_tmux

PROGRAMS = (
    ("WAYLAND_DISPLAY", ["wl-copy"]),
    ("DISPLAY", ["xclip", "-selection", "clipboard"]),
    ("DISPLAY", ["xsel", "--clipboard", "--input"]),
    ("", ["pbcopy"]),
    ("", ["clip.exe"]),
    ("TMUX", ["tmux", "load-buffer", "-w", "-"]),
)
PROGRAM_TIMEOUT = 2.0
"""Seconds that a program may take."""


def build_osc52(text: str) -> str:
    """What asks the terminal to take `text`."""
    return wrap_for_tmux(f"\x1b]52;c;{b64encode(text.encode('utf-8', 'replace')).decode()}\x07")


def copy_by_program(text: str) -> str:
    """Hand `text` to the first program that takes it, and say in words how that went; without one,
    the terminal was asked."""
    failed = []
    for variable, command in PROGRAMS:
        if (variable and not os.environ.get(variable)) or not shutil.which(command[0]):
            continue
        try:
            subprocess.run(
                command,
                input=text.encode("utf-8", "replace"),
                check=True,
                timeout=PROGRAM_TIMEOUT,
                capture_output=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            failed.append(f"{command[0]} failed ({type(error).__name__})")
        else:
            return ", ".join([*failed, f"by {command[0]}"])
    return ", ".join([*failed, "through the terminal (OSC 52)"])
