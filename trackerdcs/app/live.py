"""What is said on the bus now, as messages: never what the broker has kept of earlier."""

from collections.abc import AsyncIterator

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MESSAGES, Message
from trackerdcs.domain.topics import Topic
from trackerdcs.ports import Bus, Delivery


def live(bus: Bus, edge: EdgeLog, *filters: str) -> AsyncIterator[tuple[Topic, Message]]:
    """Whatever matches from this call on, for ever; what is outside the contract is logged and left out."""
    return _messages(bus.subscribe(*filters), edge)


async def _messages(deliveries: AsyncIterator[Delivery], edge: EdgeLog) -> AsyncIterator[tuple[Topic, Message]]:
    async for delivery in deliveries:
        delivery.acknowledge()
        if delivery.retained:
            continue
        try:
            where = topics.parse(delivery.topic)
            message = decode(MESSAGES[where.kind], delivery.payload)
        except ContractError as e:
            edge.fail(delivery.topic, f"{delivery.topic}: {e}")
            continue
        edge.ok(delivery.topic, f"{delivery.topic}: a message again")
        yield where, message
