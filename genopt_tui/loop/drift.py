"""While a run goes on: is what is learned still learned, or do edits only fit the examples that the model sees?"""

from collections import OrderedDict

from genopt_tui.learn.doctor import overfitting
from genopt_tui.learn.doctor_facts import Finding
from genopt_tui.session.progress import Progress

WINDOW = 5  # versions


class Drift:
    """The latest bases of steps with their mean on the batch and on the gate; a runner that starts anew begins without any."""

    def __init__(self) -> None:
        self._bases: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def seen(self, p: Progress, direction: str) -> Finding | None:
        """Take note of the step that ends; a warning where its base made the train scores rise and the gate's fall."""
        base, train = (p.batch or {}).get("base"), (p.evidence or {}).get("mean")
        gates = [c.gate["base_mean"] for c in p.candidates.values() if c.gate and c.gate.get("base_mean") is not None]
        if base is None or train is None or not gates or base in self._bases:
            return None
        self._bases[base] = (train, gates[0])
        while len(self._bases) > WINDOW:
            self._bases.popitem(last=False)
        means = list(self._bases.values())
        return overfitting([t for t, _ in means], [g for _, g in means], direction, WINDOW)
