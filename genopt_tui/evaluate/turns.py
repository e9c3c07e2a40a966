"""Who runs next: as many at once as there are slots, and those that wait take turns by what they run."""

import asyncio
from collections import OrderedDict, deque


class Turns:
    """Slots, given in turn to the groups that wait, and within a group in the order of asking. Not for several event loops."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def acquire(self, group: str) -> None:
        """Wait for a slot on behalf of `group`. Cancelling gives up the place in the queue."""
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            else:
                self._forget(group, turn)
            raise

    def release(self) -> None:
        """Give a slot back: to the group whose turn it is."""
        while self._waiting:
            group, queue = next(iter(self._waiting.items()))
            turn = queue.popleft()
            self._waiting.move_to_end(group)
            if not queue:
                del self._waiting[group]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, group: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(group)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[group]
