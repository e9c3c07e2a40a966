"""When memory is looked through for garbage: not while a person pages or types, where a full look is felt as a stutter."""

import gc
from collections.abc import Callable
from time import monotonic

YOUNG = (1_000, 10, 1_000)
"""Allocations between two looks at young objects, and how many of those go before a look at older ones."""
EVERY, QUIET = 5.0, 2.0
"""Seconds between two thoughts about a full look, and without a key before one is taken."""


def settle() -> None:
    """Once all is loaded: what is there now stays, and need not be looked at again. Full looks are taken by `when_quiet` from here on."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG)


def when_quiet(key_time: Callable[[], float]) -> Callable[[], None]:
    """What is to be called every EVERY seconds: a full look after enough was allocated, while no key is pressed."""

    def look() -> None:
        if gc.get_count()[1] and monotonic() - key_time() > QUIET:
            gc.collect()

    return look
