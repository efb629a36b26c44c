"""The names that telemetry gives to what happens here: OpenTelemetry's semantic conventions, and our own.

One module, so that live spans, metrics and the exports of a run say the same, and a new version of the
conventions is one edit. `SCHEMA_URL` names the newest version of OpenTelemetry's conventions with both areas:
after 1.41 the GenAI names moved to a registry of their own, without a stable schema yet. Both areas have the
status "development". Pure constants; docs/adr/0033 says how a run becomes spans.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE: Final = "guildbus"
SERVICE: Final = "guildbus"

# Resource attributes
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

# Any area
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

# Messaging: span attributes
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_CLIENT_ID: Final = "messaging.client.id"
MESSAGING_CONSUMER_GROUP_NAME: Final = "messaging.consumer.group.name"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_MESSAGE_CONVERSATION_ID: Final = "messaging.message.conversation_id"
MESSAGING_MESSAGE_BODY_SIZE: Final = "messaging.message.body.size"
MESSAGING_BATCH_MESSAGE_COUNT: Final = "messaging.batch.message_count"

SYSTEM: Final = "guildbus"
"""The value of `messaging.system`: a system of our own."""

# Messaging: values of messaging.operation.type, and what we call the operations (messaging.operation.name)
SEND: Final = "send"
PROCESS: Final = "process"
SETTLE: Final = "settle"
PUBLISH: Final = "publish"
ACK: Final = "ack"
NACK: Final = "nack"

# Messaging: metrics (seconds, messages)
MESSAGING_CLIENT_OPERATION_DURATION: Final = "messaging.client.operation.duration"
MESSAGING_CLIENT_SENT_MESSAGES: Final = "messaging.client.sent.messages"
MESSAGING_CLIENT_CONSUMED_MESSAGES: Final = "messaging.client.consumed.messages"
MESSAGING_PROCESS_DURATION: Final = "messaging.process.duration"

# GenAI: span attributes
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_WORKFLOW_NAME: Final = "gen_ai.workflow.name"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_AGENT_ID: Final = "gen_ai.agent.id"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"
GEN_AI_REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE: Final = "gen_ai.tool.type"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"

PROVIDER: Final = "openai_compatible"
"""The value of `gen_ai.provider.name`: an endpoint that speaks OpenAI's language, whoever made its model."""

# GenAI: values of gen_ai.operation.name, gen_ai.tool.type and gen_ai.token.type
CHAT: Final = "chat"
INVOKE_AGENT: Final = "invoke_agent"
INVOKE_WORKFLOW: Final = "invoke_workflow"
EXECUTE_TOOL: Final = "execute_tool"
TOOL_TYPE: Final = "function"
TOKENS_IN: Final = "input"
TOKENS_OUT: Final = "output"

# GenAI: metrics (seconds, tokens)
GEN_AI_CLIENT_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
GEN_AI_CLIENT_TOKEN_USAGE: Final = "gen_ai.client.token.usage"

# Our own attributes
RUN: Final = "guildbus.run"
MESSAGE_TYPE: Final = "guildbus.message.type"
MESSAGE_SEQ: Final = "guildbus.message.seq"
MESSAGE_HOPS: Final = "guildbus.message.hops"
MESSAGE_SUMMARY: Final = "guildbus.message.summary"
ATTEMPT: Final = "guildbus.attempt"
OUTCOME: Final = "guildbus.outcome"
FILE: Final = "guildbus.file"
ROUND: Final = "guildbus.round"
CANDIDATE: Final = "guildbus.candidate"
CACHED: Final = "guildbus.completion.cached"
COMPLETION_KEY: Final = "guildbus.completion.key"


def span_name(operation: str, target: str | None = None) -> str:
    """`publish go-dev`, `chat qwen2.5-coder`, `invoke_agent planner`: as both areas name their spans."""
    return f"{operation} {target}" if target else operation
