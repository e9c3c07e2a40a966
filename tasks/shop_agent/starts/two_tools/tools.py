"""The agent's tools: each takes and gives text."""

import re


def price(stall, thing):
    """Price of one piece in cents, or 'unknown'."""
    return str(stall.get(thing.strip().lower(), "unknown"))


def calculate(text):
    """The value of a sum of products such as '3 * 40 + 2 * 25'."""
    total = 0
    for part in text.split("+"):
        product = 1
        for number in re.findall(r"\d+", part):
            product *= int(number)
        total += product
    return str(total)
