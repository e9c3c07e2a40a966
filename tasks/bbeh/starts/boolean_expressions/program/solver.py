"""Says which of several boolean expressions is true, without a model."""

import re

CAPITALS = {
    "Canada": "Ottawa",
    "Germany": "Berlin",
    "India": "New Delhi",
    "Iran": "Tehran",
}
SIGNS = {"is greater than": ">", "is less than or equal to": "<="}


def solve(question: str) -> str:
    """The letter, as "(A)", of the first expression that is true; the first letter where none seems to be."""
    options = re.findall(r"^(\([A-Z]\)) (.*)$", question, re.MULTILINE)
    true = [letter for letter, expression in options if is_true(expression)]
    return (true or [letter for letter, _ in options] or [""])[0]


def is_true(expression: str) -> bool:
    """The value of one expression: its sentences are looked up, the rest is written as Python has it and computed."""
    text = re.sub(r"The capital of (?:the )?([\w ]+) is ([\w ]+)\.", lambda said: str(is_capital(*said.groups())), expression)
    for words, sign in SIGNS.items():
        text = text.replace(words, sign)
    try:
        return bool(eval(text, {"__builtins__": {}, "max": max, "min": min}))
    except (SyntaxError, NameError, TypeError, ZeroDivisionError):
        return False


def is_capital(country: str, city: str) -> bool:
    """Whether `city` is the capital of `country`, as far as the table goes; a country that is not in it has none."""
    return CAPITALS.get(country) == city
