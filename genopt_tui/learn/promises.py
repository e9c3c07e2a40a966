"""What a reply promises: the evidence it rests on (`because:`) and what it expects of its change (`expects:`)."""

import re
from typing import Literal

from genopt_tui.learn.reply import Reply
from genopt_tui.learn.text import cut_middle

REASONING = 20_000  # characters of reasoning that are kept
BECAUSE = re.compile(r"^\W*because\W*?:\W*(.+)$", re.IGNORECASE)
EXPECTS = re.compile(r"^\W*expects?\W*?:\W*(.+)$", re.IGNORECASE)
EVIDENCE = re.compile(r"`?([\w./@+:-]+?)`?[\s,]*(?:@|\bat\b|\bsteps?\b)[\s@#]*(?:steps?)?\s*`?(\d{1,9})", re.IGNORECASE)
PROMISE = re.compile(r"`?([\w./@+:-]+?)`?[\s:=,(]+(up|down)\b", re.IGNORECASE)


def promises_of(reply: Reply) -> tuple[list[tuple[str, int]], list[tuple[str, Literal["up", "down"]]], str]:
    because: list[tuple[str, int]] = []
    expects: list[tuple[str, Literal["up", "down"]]] = []
    prose: list[str] = []
    for line in reply.prose:
        if match := BECAUSE.match(line):
            because += [
                (example, int(step))
                for example, step in EVIDENCE.findall(match[1])
                if (example, int(step)) not in because
            ]
            if EVIDENCE.search(match[1]):
                continue
        elif match := EXPECTS.match(line):
            promised = PROMISE.findall(match[1])
            known = {name for name, _ in expects}
            expects += [(n, "up" if way.lower() == "up" else "down") for n, way in promised if n not in known]
            if promised:
                continue
        prose.append(line)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip()
    return because, expects, cut_middle(text, REASONING)[0]
