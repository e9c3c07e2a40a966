"""The command group `genopt`: its commands in sections, each with an example."""

import sys

import click

from genopt_tui.cli import (
    branches,
    compare,
    completion,
    curve,
    decisions,
    doctor,
    evaluate,
    export,
    history,
    new,
    run,
    sessions,
    status,
    tasks,
    trust,
)

SECTIONS: dict[str, dict[str, str]] = {
    "Begin": {
        "demo": "genopt demo",
        "tasks": "genopt tasks atari/pong",
        "new": "genopt new atari/pong --model openai/gpt-5-mini",
        "task": "genopt task init my-task",
        "check": "genopt check atari/pong",
    },
    "Run and watch": {
        "open": "genopt open pong",
        "run": "genopt run pong --steps 5 --mode auto",
        "status": "genopt status pong",
        "pause": "genopt pause pong",
        "resume": "genopt resume pong",
        "stop": "genopt stop pong",
        "mode": "genopt mode ask pong",
        "set": "genopt set horizon.steps=100 pong",
    },
    "Decide": {
        "approve": "genopt approve pong --hunks 1,3",
        "reject": "genopt reject pong 'It breaks when the ball is lost'",
        "hint": "genopt hint pong 'Look at the angle, too'",
        "reply": "genopt reply pong answer.txt",
        "prompt": "genopt prompt pong > prompt.txt",
        "send": "genopt send pong --prompt prompt.txt",
        "stage": "genopt stage pong batch.size=2",
        "accept-edits": "genopt accept-edits pong",
    },
    "Look at the history": {
        "log": "genopt log pong --all",
        "show": "genopt show pong 3",
        "diff": "genopt diff pong start best",
        "compare": "genopt compare pong start best",
        "curve": "genopt curve pong other",
        "matrix": "genopt matrix pong",
        "hunks": "genopt hunks pong 3",
        "blame": "genopt blame pong policy.py",
        "search": "genopt search pong velocity",
        "note": "genopt note pong 3 'Good idea, bad code'",
    },
    "Change the history": {
        "branch": "genopt branch pong risky --at 3",
        "switch": "genopt switch pong risky",
        "rewind": "genopt rewind pong 3",
        "undo": "genopt undo pong",
        "redo": "genopt redo pong",
        "revive": "genopt revive pong 4.0",
        "pick": "genopt pick pong 4.0 --hunks 2",
        "tag": "genopt tag pong good best",
        "whatif": "genopt whatif pong 3 --set horizon.steps=50",
    },
    "Score": {
        "eval": "genopt eval pong best --examples 20",
        "rescore": "genopt rescore pong",
        "exclude": "genopt exclude pong game-7 'The emulator hangs'",
    },
    "Share and tidy up": {
        "export": "genopt export pong best --to better-pong",
        "clone": "genopt clone pong.bundle",
        "trust": "genopt trust pong",
        "ls": "genopt ls",
        "rename": "genopt rename pong pong-first",
        "rm": "genopt rm pong",
        "doctor": "genopt doctor",
        "completion": "genopt completion bash >> ~/.bashrc",
    },
}
"""An example for each command, by the section under which `genopt --help` lists it."""
MODULES = (
    new,
    sessions,
    run,
    status,
    decisions,
    branches,
    evaluate,
    tasks,
    compare,
    curve,
    history,
    export,
    trust,
    doctor,
    completion,
)


class SectionedGroup(click.Group):
    """A group whose help lists its commands by section."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, examples in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(66)) for name in examples]
                )


@click.group(
    cls=SectionedGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`genopt COMMAND --help` shows the options of a command, and an example.",
)
@click.version_option(package_name="genopt-tui", message="genopt %(version)s")
@click.pass_context
def command(context: click.Context) -> int | None:
    """Watch and steer iterative generative optimization: a model edits an artifact, you see why,
    and decide.

    Without a command: the terminal application. `genopt demo` shows the main job.

    SESSION is a name or a path; left out, this folder's session or else the last one opened.
    VERSION is a step, a commit, a branch, a tag, `start`, `best` or `head`.
    """
    if context.invoked_subcommand is not None:
        return None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(
            "no command, and this is no terminal. Try `genopt demo --headless` or `genopt --help`"
        )
    from genopt_tui.ui.app import run_app

    return run_app(None)


def add_commands(group: click.Group) -> None:
    examples = {name: text for section in SECTIONS.values() for name, text in section.items()}
    for module in MODULES:
        for subcommand in module.COMMANDS:
            subcommand.epilog = f"Example: {examples[str(subcommand.name)]}"
            completion.add_completion(subcommand)
            group.add_command(subcommand)


add_commands(command)
