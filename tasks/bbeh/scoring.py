"""The two rules by which BBEH answers are scored; scores under different rules do not compare.

`official` is the rule of the benchmark's authors (google-deepmind/bbeh, `evaluate.py`, Apache-2.0;
re-implemented, quirks included).
`strict` is the rule of the experiments in arXiv 2603.23994.
"""

import re

PREFIXES = ("The answer is:", "The final answer is ", "The final answer is: ", "The answer is ")
WRAPPERS = ("boxed{", "text{", "texttt{")
LETTER = re.compile(r"\([A-Z]\)")


def is_right_official(prediction: str, target: str) -> bool:
    """Whether `prediction` (a whole reply) gives `target` by the benchmark's lenient rule."""
    return _is_equivalent(_extract_answer(prediction), target.strip().lower().replace(", ", ","))


def is_right_strict(prediction: str, target: str) -> bool:
    """Whether `prediction` (an extracted answer) is `target`: the last option letter for letter
    targets, else equality."""
    if LETTER.search(target):
        letters = LETTER.findall(prediction)
        return bool(letters) and letters[-1] == target
    return prediction == target


def _extract_answer(reply: str) -> str:
    """What the reply answers: after the last prefix, without LaTeX, bold, final stop; first line,
    lower case."""
    answer = reply.strip()
    for prefix in PREFIXES:
        if prefix in answer:
            answer = answer.rpartition(prefix)[2].strip()
    answer = _unwrap(answer.removesuffix(".")).lower().replace(", ", ",").replace("**", "")
    return answer.split("\n")[0].removesuffix(".")


def _unwrap(answer: str) -> str:
    if answer.startswith("$") and answer.endswith("$"):
        answer = answer[1:-1]
    for wrapper in WRAPPERS:
        if wrapper in answer and answer.endswith("}"):
            answer = answer[:-1].split(wrapper)[1]
    return answer


def _is_equivalent(answer: str, target: str) -> bool:
    if answer == target:
        return True
    for one, other in ((answer, target), (target, answer)):
        if len(one) == 3 and one[0] == "(" and one[-1] == ")":
            return one[1] == other
    if _parse_number(answer) is not None and _parse_number(answer) == _parse_number(target):
        return True
    if answer.replace("'", "") == target.replace("'", ""):
        return True
    if answer in {f"[{target}]", target + "?"}:
        return True
    return target == f"[{answer}]"


def _parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
