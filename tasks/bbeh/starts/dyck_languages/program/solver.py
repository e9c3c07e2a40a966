"""Finds the first wrong step in a written chain of bracket matching, without a model."""

import re

CLOSES = {")": "(", "]": "[", "}": "{", ">": "<"}


def solve(question: str) -> str:
    """The number of the first thought whose stack is not what follows from the one before; "No" where all follow."""
    stack = []
    for number, symbol, told in re.findall(r"^Thought (\d+): (\S) ; stack: (.*)$", question, re.MULTILINE):
        push(stack, symbol)
        if told.replace(" ", "") != ("".join(stack) or "empty"):
            return number
    return "No"


def push(stack: list[str], symbol: str) -> None:
    """Put an opening bracket on the stack; a closing one takes its partner off."""
    if symbol in CLOSES and stack and stack[-1] == CLOSES[symbol]:
        stack.pop()
    else:
        stack.append(symbol)
