"""Spans and metrics of an agent process, over OTLP. Nothing of it is imported unless telemetry is on.

span_ids.py   span ids that follow from message ids, as the exports of a run have them (docs/adr/0033)
provider.py   the SDK, set up for one process and flushed at its end
messages.py   what is told of one message: attributes by the messaging conventions
observed.py   the bus and the runtime, observed: publish, process, invoke_agent, settle
calls.py      a model, observed: chat, by the GenAI conventions
"""
