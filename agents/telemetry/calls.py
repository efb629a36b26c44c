"""A model, observed: one `chat` span a call, with tokens and sampling, by OpenTelemetry's GenAI conventions.

Prompts and answers are in the journal and the completion store, and in no span.
"""

import time
from typing import Any

from opentelemetry.trace import SpanKind

from guildbus.agents.chat import ChatRequest, Completion, ModelEntry, OnTokens, sampling
from guildbus.agents.completions import Model
from guildbus.agents.telemetry.observed import failed, in_hand
from guildbus.agents.telemetry.provider import Telemetry
from guildbus.agents.telemetry.span_ids import named, remote_parent
from guildbus.protocols import semantic_names as names


class ObservedModel:
    """A model whose calls are told."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def entry(self) -> ModelEntry:
        """The model's configuration."""
        return self._model.entry

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        """As the model's own; a call that is answered by the store says so."""
        hand = in_hand.get()
        if hand is None:
            return await self._model.complete(request, on_tokens)
        envelope = hand.delivery.packet.envelope
        place = (envelope.subject, envelope.id, envelope.attempt)
        began = time.monotonic()
        with named(*place, names.CHAT, request.candidate_index):
            span = hand.telemetry.tracer.start_span(
                names.span_name(names.CHAT, self.entry.model),
                remote_parent(*place, names.INVOKE_AGENT),
                SpanKind.CLIENT,
                _asked(self.entry, request, envelope.subject),
            )
        try:
            completion = await self._model.complete(request, on_tokens)
        except BaseException as error:
            failed(span, error)
            raise
        else:
            span.set_attributes(_answered(completion))
            _measure(hand.telemetry, completion, time.monotonic() - began)
            return completion
        finally:
            span.end()

    async def aclose(self) -> None:
        """Close the model's connections."""
        await self._model.aclose()


def _measure(telemetry: Telemetry, completion: Completion, wall_s: float) -> None:
    if completion.cached:
        return
    told = {
        names.GEN_AI_OPERATION_NAME: names.CHAT,
        names.GEN_AI_PROVIDER_NAME: names.PROVIDER,
        names.GEN_AI_REQUEST_MODEL: completion.model,
    }
    telemetry.model_s.record(wall_s, told)
    for kind, count in (
        (names.TOKENS_IN, completion.prompt_tokens),
        (names.TOKENS_OUT, completion.completion_tokens),
    ):
        telemetry.tokens.record(count, told | {names.GEN_AI_TOKEN_TYPE: kind})


def _asked(entry: ModelEntry, request: ChatRequest, run: str) -> dict[str, Any]:
    sampled = sampling(entry, request)
    found = {
        names.GEN_AI_OPERATION_NAME: names.CHAT,
        names.GEN_AI_PROVIDER_NAME: names.PROVIDER,
        names.GEN_AI_CONVERSATION_ID: run,
        names.GEN_AI_REQUEST_MODEL: entry.model,
        names.GEN_AI_REQUEST_SEED: sampled.get("seed"),
        names.GEN_AI_REQUEST_TEMPERATURE: float(sampled["temperature"]),
        names.GEN_AI_REQUEST_MAX_TOKENS: sampled["max_tokens"],
        names.RUN: run,
        names.CANDIDATE: request.candidate_index,
    }
    return {name: value for name, value in found.items() if value is not None}


def _answered(completion: Completion) -> dict[str, Any]:
    return {
        names.GEN_AI_RESPONSE_MODEL: completion.model,
        names.GEN_AI_RESPONSE_FINISH_REASONS: [completion.finish_reason],
        names.GEN_AI_USAGE_INPUT_TOKENS: completion.prompt_tokens,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: completion.completion_tokens,
        names.COMPLETION_KEY: completion.key,
        names.CACHED: completion.cached,
    }
