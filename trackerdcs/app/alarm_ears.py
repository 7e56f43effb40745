"""Hears what alarms are about: frames, events, interlocks and the status of devices of a stand, and of loaders."""

import logging
from collections.abc import AsyncIterator

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.alarm_tree import Tree
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MESSAGES, Message
from trackerdcs.domain.topics import LOADER, SITE, Topic
from trackerdcs.ports import Bus

log = logging.getLogger(__name__)

Heard = tuple[Topic, Message, bool]


def listen(bus: Bus, stand: str, tree: Tree) -> AsyncIterator[Heard]:
    """Topic, message, and whether the broker had kept it: from this call on, for ever.

    Of what the broker has kept only the end of a device is given on.
    """
    filters = [topics.of_device(stand, device, "frame") for device in tree.devices]
    filters += [topics.any_device(stand, leaf) for leaf in ("status", "event")]
    filters += [topics.interlocks_of(stand), topics.any_device(SITE, "status"), topics.any_device(SITE, "frame")]
    return _messages(bus, filters)


async def _messages(bus: Bus, filters: list[str]) -> AsyncIterator[Heard]:
    edge = EdgeLog(log)
    async for delivery in bus.subscribe(*filters):
        delivery.acknowledge()
        try:
            where = topics.parse(delivery.topic)
            if (delivery.retained and where.kind != "status") or (where.stand == SITE and not topics.is_loader(where)):
                continue
            message = decode(MESSAGES[where.kind], delivery.payload)
        except ContractError as e:
            edge.fail(delivery.topic, f"{delivery.topic}: {e}")
            continue
        edge.ok(delivery.topic, f"{delivery.topic}: a message again")
        yield where, message, delivery.retained


def device_of(where: Topic) -> str:
    """The name by which the tree knows the sender: all loaders are one node."""
    return LOADER if where.stand == SITE else where.device or ""
