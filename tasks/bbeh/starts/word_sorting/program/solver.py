"""Sorts words in an odd alphabet, or looks for the first error in such a sort, without a model."""

import re
import string


def solve(question: str) -> str:
    """The sorted words, separated by commas; or the number of the first wrong thought, "No" where none is found."""
    if "Thought 1" in question:
        return first_error(question)
    order = alphabet(question)
    words = re.search(r"separate them with comma: (.*)", question)[1].split(", ")
    return ", ".join(sorted(words, key=lambda word: [order.index(letter) for letter in word]))


def alphabet(question: str) -> str:
    """The letters in the order that the question describes."""
    if listed := re.search(r"order \[(.*?)\]", question):
        return listed[1].replace(", ", "")
    moved = re.search(r"except that (.*?) (?:is|are) the (first|last)", question)
    if not moved:
        return string.ascii_lowercase
    letters = "".join(re.findall(r"\b[a-z]\b", moved[1]))
    rest = "".join(letter for letter in string.ascii_lowercase if letter not in letters)
    return letters + rest if moved[2] == "first" else rest + letters


def first_error(question: str) -> str:
    """The first thought that names a wrong letter, or a wrong place in the alphabet; orders are not looked at."""
    for number, text in re.findall(r"^Thought (\d+): (.*)$", question, re.MULTILINE):
        position = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
        looked_at = re.search(r"The (\w+) letter: ", text)
        if not looked_at or looked_at[1] not in position:
            continue
        at = position[looked_at[1]]
        for word, letter, place in re.findall(r'"(\w+)": "(\w)" \((\d+)\)', text):
            if word[at : at + 1] != letter or ord(letter) - ord("a") + 1 != int(place):
                return number
    return "No"
