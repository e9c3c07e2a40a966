"""The key reference, from the table of actions: `python -m genopt_tui.ui.actions.key_reference >
genopt_tui/ui/KEYS.md`."""

from genopt_tui.ui.actions.footer import PANE_LABELS
from genopt_tui.ui.actions.table import ACTIONS, KEY_NAMES, Action, group_actions
from genopt_tui.ui.pane_layout import PANE_NAMES

PREAMBLE = """# Keys

Made from the table of actions (`python -m genopt_tui.ui.actions.key_reference`). In the application `?` lists the keys that work here and now, and
why others do not; `ctrl+p` or `:` finds every action by name; a click on a key of the footer does the same as the key.

Other keys: in `settings.toml` of your genopt folder (`GENOPT_HOME`, else the platform's place for settings), by the id in the last
column. A key that means something already, or an id that there is none of, is told when genopt starts.

```toml
[keys]
approve = "f5"
down = "j,down,ctrl+n"
```
"""


def build_key_reference() -> str:
    """All keys, group by group, with what they mean in one pane only; Markdown."""
    parts = [PREAMBLE]
    for group, actions in group_actions(ACTIONS).items():
        parts.append(f"\n## {group}\n\n| keys | act | id |\n|---|---|---|\n")
        parts += [
            f"| {format_keys(action)} | {describe_with_panes(action)} | `{action.id}` |\n"
            for action in actions
        ]
    return "".join(parts)


def format_keys(action: Action) -> str:
    return " ".join(f"`{KEY_NAMES.get(key, key)}`" for key in action.keys.split(","))


def describe_with_panes(action: Action) -> str:
    """What it does, then what that is in each pane where it has words of its own."""
    own = [
        f"{PANE_NAMES[number]}: {said}"
        for (name, number), (_, said) in PANE_LABELS.items()
        if name == action.id
    ]
    return ". ".join([action.help, *own])


if __name__ == "__main__":
    print(build_key_reference(), end="")
