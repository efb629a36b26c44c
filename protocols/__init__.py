"""What is said on the bus: pure data and pure functions, no I/O.

The way of a message, a file a step:

    errors.py      one error root with a wire code, a place and a remedy
    reasons.py     codes that no exception carries: why an attempt failed, why a message died
    ids.py         message ids (UUIDv7) and trace context (W3C)
    values.py      plain data that is cheap to make
    envelope.py    the CloudEvents header that every message carries
    messages/      the bodies, one module a conversation
    registry.py    the closed table (type, version) -> body model, and upcasters
    codec.py       body <-> bytes (msgpack)
    wire.py        envelope and body <-> the four frames of one ZeroMQ message
    semantic_names.py   what telemetry calls all this (OpenTelemetry)
    export.py      JSON Schema and AsyncAPI documents, generated from the models

The authoritative text is docs/protocol.md. Read `envelope.py` next.
"""
