"""Computes with newly defined operators, without a model."""

import math
import re

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
KNOWN = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
CALLS = {"gcd(a, b)": math.gcd, "min(a, b)": min, "max(a, b)": max}
TOKEN = re.compile(r"\d+|[a-zA-Z]+|[()]|[^\w\s()]+")


def solve(question: str) -> str:
    """The value that the last line asks for, as a whole number; empty where the question has something unknown."""
    operators = dict(KNOWN)
    for sign, meaning in re.findall(r"^\$a (\S+) b\$ equals (.*)$", question, re.MULTILINE):
        operators[sign] = defined(meaning, operators)
    names = {}
    try:
        for name, text in re.findall(r"Let (\w) = (.*)", question):
            names[name] = value(text.rstrip("."), names, operators)
        wanted = re.search(r"Compute (.*?)\. ", question)
        return str(value(wanted[1], names, operators)) if wanted else ""
    except (KeyError, IndexError, ValueError, RecursionError, TypeError):
        return ""


def defined(meaning, operators):
    """The operator with this meaning: "X if CONDITION and Y otherwise" or "X if CONDITION; otherwise, it equals Y"."""
    parts = re.match(r"\$(.*?)\$ if (.*?)(?: and \$(.*?)\$ otherwise|; otherwise,\s+it equals \$(.*?)\$)", meaning)

    def apply(a, b):
        names = {"a": a, "b": b}
        then, condition, either, other = parts.groups()
        return value(then if holds(condition, names, operators) else either or other, names, operators)

    return apply


def holds(condition, names, operators):
    """Whether a condition such as "$a > b$" or "$gcd(a, b) == 1$" holds."""
    if condition == "either $a$ or $b$ is prime":
        return is_prime(names["a"]) or is_prime(names["b"])
    text = condition.strip("$")
    if text == "gcd(a, b) == 1":
        return math.gcd(names["a"], names["b"]) == 1
    if text == "|a-b| < 2":
        return abs(names["a"] - names["b"]) < 2
    left, sign, right = re.fullmatch(r"(.*) ([<>]) (.*)", text).groups()
    first, second = value(left, names, operators), value(right, names, operators)
    return first < second if sign == "<" else first > second


def is_prime(number):
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def value(text, names, operators):
    """The value of an expression; operators bind from left to right, parentheses first."""
    if text in CALLS:
        return CALLS[text](names["a"], names["b"])
    tokens = TOKEN.findall(text)
    result = chain(tokens, names, operators)
    if tokens:
        raise ValueError(f"what is {tokens[0]}?")
    return result


def chain(tokens, names, operators):
    result = operand(tokens, names, operators)
    while tokens and tokens[0] != ")":
        sign = tokens.pop(0)
        if sign not in operators and sign.endswith("-"):  # a minus sign that belongs to the number after it
            sign = sign[:-1]
            tokens.insert(0, "-")
        result = operators[sign](result, operand(tokens, names, operators))
    return result


def operand(tokens, names, operators):
    token = tokens.pop(0)
    if token == "-":
        return -operand(tokens, names, operators)
    if token == "(":
        inner = chain(tokens, names, operators)
        tokens.pop(0)
        return inner
    if token.isdigit():
        return int(token)
    return DIGITS.index(token) if token in DIGITS else names[token]
