"""What a span tells of one message: attributes by OpenTelemetry's messaging conventions."""

from typing import Any

from guildbus.protocols import semantic_names as names
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.wire import Packet


def message_attributes(
    envelope: Envelope, size_bytes: int, operation: str, kind: str, client: str
) -> dict[str, Any]:
    """`operation` is our word for it, `kind` the conventions'; `client` is the agent instance."""
    found = {
        names.MESSAGING_SYSTEM: names.SYSTEM,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: kind,
        names.MESSAGING_DESTINATION_NAME: envelope.to,
        names.MESSAGING_CLIENT_ID: client,
        names.MESSAGING_MESSAGE_ID: envelope.id,
        names.MESSAGING_MESSAGE_CONVERSATION_ID: envelope.correlationid,
        names.MESSAGING_MESSAGE_BODY_SIZE: size_bytes,
        names.RUN: envelope.subject,
        names.MESSAGE_TYPE: envelope.type,
        names.MESSAGE_SEQ: envelope.seq or None,
        names.MESSAGE_HOPS: envelope.hops,
    }
    return {name: value for name, value in found.items() if value is not None}


def metric_attributes(packet: Packet, operation: str, error: str = "") -> dict[str, str]:
    """The few of them that a metric is told apart by."""
    found = {
        names.MESSAGING_SYSTEM: names.SYSTEM,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_DESTINATION_NAME: packet.envelope.to or "",
        names.ERROR_TYPE: error,
    }
    return {name: value for name, value in found.items() if value}
