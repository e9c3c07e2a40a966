"""What is said outside of the screen: each kind can be switched off, and a name cannot steer the
terminal."""

from dataclasses import replace

import pytest
from scene import snapshot

from genopt_tui.config import Interface
from genopt_tui.session.progress import Progress
from genopt_tui.ui.platform.notifications import Notifier
from genopt_tui.ui.state.snapshot import SessionInfo, Snapshot

EVIL = "a;b\x1b]0;pwned\x07\x9b\u202ec"


def waiting(name: str = "pong") -> Snapshot:
    progress = Progress(
        step=3, batch={"examples": []}, pending={"pending": "decide", "candidates": [0]}
    )
    return replace(
        snapshot(progress=progress), session=SessionInfo(name, name), loaded=True, state="waiting"
    )


def said(settings: Interface, name: str = "pong") -> str:
    wrote: list[str] = []
    teller = Notifier(wrote.append)
    for _ in range(2):
        teller.update(waiting(name), settings)
    return "".join(wrote)


def test_a_decision_is_told_once_by_title_bell_and_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    told = said(Interface())
    assert (
        told
        == "\x1b]2;genopt pong: DECIDE 3\x07\x07\x1b]9;pong: DECIDE 3\x07\x1b]777;notify;genopt;pong: DECIDE 3\x07"
    )
    assert said(Interface(bell=False, notify=False)) == "\x1b]2;genopt pong: DECIDE 3\x07"
    assert said(Interface(title=False, notify=False)) == "\x07"
    assert said(Interface(title=False, bell=False, notify=False)) == ""


def test_within_tmux_the_desktop_is_reached_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "here")
    assert "\x1bPtmux;\x1b\x1b]9;pong: DECIDE 3\x07\x1b\\" in said(Interface())


def test_a_name_is_told_without_what_a_terminal_acts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    told = said(Interface(bell=False), EVIL)
    assert (
        "\x1b]9;a,b]0,pwnedc: DECIDE 3\x07" in told and "\x1b]0" not in told and "\x9b" not in told
    )
