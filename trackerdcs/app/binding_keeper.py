"""Keeps which module is on which channel, as the frames of some stands say: who missed one hears it with the next."""

import logging
from collections.abc import Sequence

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.live import live
from trackerdcs.app.run_keeper import StoreQueue
from trackerdcs.domain import topics
from trackerdcs.domain.messages import Frame
from trackerdcs.domain.run_links import Binding, BindingQuery
from trackerdcs.ports import Bus
from trackerdcs.ports_runs import RunStore

log = logging.getLogger(__name__)


class BindingKeeper:
    """One for all stands of a store; it writes where something has changed."""

    def __init__(self, store: RunStore, queue: StoreQueue) -> None:
        self._store, self._queue = store, queue
        self._modules: dict[tuple[str, str, str], str | None] = {}

    async def listen(self, bus: Bus, stands: Sequence[str]) -> None:
        """Hear, for ever."""
        async for where, message in live(bus, EdgeLog(log), *(topics.any_device(s, "frame") for s in stands)):
            if isinstance(message, Frame):
                self.tell(where.stand, where.device or "", message)

    def tell(self, stand: str, device: str, frame: Frame) -> None:
        """One frame."""
        for ch in frame.ch.keys() | frame.bad.keys() | frame.mod.keys():
            key, module = (stand, device, ch), frame.mod.get(ch)
            if self._modules.get(key, "") == module:
                continue
            known = key in self._modules
            self._modules[key] = module
            binding = Binding(*key, module, frame.ts)
            if module is None and not known:
                # Never bound as far as we know; the store knows more where we were away meanwhile.
                self._queue.put(lambda b=binding: self._unbound(b))  # type: ignore[misc]
            else:
                self._queue.put(lambda b=binding: self._store.put_binding(b))  # type: ignore[misc]

    def _unbound(self, binding: Binding) -> None:
        query = BindingQuery(binding.stand, binding.device, binding.channel, at=binding.start)
        if any(each.module is not None for each in self._store.bindings(query)):
            self._store.put_binding(binding)
