"""Reads the event data of journals before format 5: JSON compressed by zlib with a fixed
dictionary, which therefore never changes. Nothing is written this way any more."""

import zlib

ZLIB_HEADER = b"\x58"  # first byte of such data (window of 8 KB); raw LZMA2 never begins with it
DICTIONARY = (
    b'{"step": 0, "candidate": 0, "attempt": 0, "messages": [{"role": "system", "content": "# '
    b'Objective # Artifact # Evidence # Memory # Hints # Answer format"}, {"role": "user"}], '
    b'"sections": [{"name": "objective", "tokens": 100, "cuts": 0}, {"name": "artifact"}, '
    b'{"name": "memory"}, {"name": "answer"}], "repair": false, "parts": [{"example": "seed-0", '
    b'"repeat": 0, "score": 0.0, "status": "ok", "rollout": 0, "steps": 0, "shown": [[0, 2]], '
    b'"wanted": [[0, 2]], "cut": 0, "tokens": 20}], "budget": 8000, "estimated": true, '
    b'"horizon": {"kind": "full", "steps": 5}, "covers": {"trace": "", "score": ""}, "mean": '
    b'0.0, "left_out": [], "dropped": [], "pinned": [], "fingerprint": "", "rule": "", "gate": '
    b'{"rule": "better", "examples": 10, "repeats": 1, "confidence": 0.95, "looks": 1}, '
    b'"version": "", "tree": "", "base_tree": "", "branch": "main", "subject": "step 1: ", '
    b'"decision": "gate", "reason": "better: 0 -> 1, n=10", "by": "gate", "stderr": null, "n": '
    b'10, "failed": 0, "complete": true, "base_mean": 0.0, "base_stderr": 0.0, "base_score": '
    b'0.0, "verdict": "undecided", "cost": 0.001, "promises_kept": 0, "promises": 0, '
    b'"difference": 0.0, "interval": [-0.1, 0.1], "p": 0.5, "test": "paired sign-flip '
    b'permutation", "confidence": 0.95, "better": 0, "worse": 0, "same": 0, "spent": {"steps": '
    b'1, "cost": 0.0, "tokens": 0, "calls": 1, "minutes": 0.0}, "agent": {}, "limits": {}, '
    b'"unknown_cost": false, "warning": "", "files": ["answer.py"], "hunks": 1, "added": 1, '
    b'"removed": 1, "reasoning": "", "because": [], "expects": [], "reply": 1, "finish_reason": '
    b'"stop", "usage": {"input": 0, "output": 0}, "error": "", "model": "", "scores": '
    b'[{"example": "gate-0", "repeat": 0, "base": 0.0, "score": 0.0, "status": "ok"}, '
    b'{"example": "train-0", "repeat": 0, "split": "train", "score": 0.0, "status": "ok", '
    b'"cached": false, "seconds": 0.01, "rollout": 1, "tree": "'
)


def decompress_old_data(stored: bytes) -> str:
    """The JSON text of an event's compressed data."""
    return zlib.decompressobj(zdict=DICTIONARY).decompress(stored).decode()
