"""Syntax checks of files in their own language. Nothing is executed."""

import ast
import json
import tomllib
import warnings
from itertools import pairwise


def find_syntax_error(file: str, text: str) -> tuple[int, str]:
    """(line, message) of the first error in `text`, or (0, "") where it is valid or its language is
    not known."""
    if file.endswith(".py"):
        return _check_python(file, text)
    if file.endswith(".json"):
        return _check_json(text)
    if file.endswith(".toml"):
        try:
            tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            return _parse_line_number(str(error)), str(error)
    return 0, ""


def has_no_effect(file: str, text: str) -> bool:
    """Whether `text` is valid Python that does nothing: a JSON document, a word, a file's name."""
    if not file.endswith(".py") or find_syntax_error(file, text)[0]:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return all(isinstance(statement, ast.Expr) for statement in ast.parse(text).body)


def _check_python(file: str, text: str) -> tuple[int, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()[:120]
        return error.lineno or 1, error.msg + (f": {line}" if line else "")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return 1, str(error) or type(error).__name__
    return 0, ""


def _check_json(text: str) -> tuple[int, str]:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, error.msg
    except (ValueError, RecursionError) as error:
        return 1, str(error)
    return 0, ""


def _parse_line_number(message: str) -> int:
    words = message.replace(",", " ").split()
    return next((int(w) for v, w in pairwise(words) if v == "line" and w.isdigit()), 1)
