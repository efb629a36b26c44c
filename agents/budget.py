"""The token budget of a run (`--max-tokens`): what it has spent, and what one more draft may spend. Pure.

Spent are the prompt and answer tokens of every call in the run's history. Answers from the store count
too, so that a run which is resumed or replayed stops at the same place. Whoever asks for a draft, or for
references, gives the request a share of what is left (`max_tokens`), and its author divides that among its
calls: what is written at the same time cannot overspend together. A prompt is counted by its length before
it is sent, so the end may lie a little off the limit where a tokenizer counts otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace

from guildbus.agents.oracle.reference_prompt import reference_prompt
from guildbus.agents.prompting import Prompt, prompt_for
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.messages.oracle import ReferenceRequested

LEAST_ANSWER_TOKENS = 64
"""With less room for an answer a call is not worth its prompt."""
BYTES_PER_TOKEN = 3
FRAME_TOKENS = 16


def tokens_left(state: RunState) -> int | None:
    """What no call has spent and no open request may still spend; None without a limit."""
    limit = state.options.max_tokens
    if limit is None:
        return None
    outstanding = state.outstanding()
    promised = sum(
        request.max_tokens or 0
        for request in state.requests
        if (request.task.path, request.author, request.round) in outstanding
    )
    promised += sum(request.max_tokens or 0 for request in state.awaited())
    return limit - state.tokens - promised


def shared(state: RunState, requests: Sequence[DraftRequested]) -> list[DraftRequested] | None:
    """The same requests, each with its share of what is left; None if a share buys not even one answer."""
    left = tokens_left(state)
    if left is None or not requests:
        return list(requests)
    share = max(0, left // len(requests))
    if any(least_cost(request) > share for request in requests):
        return None
    return [request.model_copy(update={"max_tokens": share}) for request in requests]


def shared_beside(
    state: RunState, requests: Sequence[DraftRequested], references: Sequence[ReferenceRequested]
) -> list[Message] | None:
    """The references of a stage and its drafts, each with its share of what is left.

    References that their share does not pay for are left out, and all of them where the drafts need all that
    is left: a build that is not examined is better than none. None if it does not pay for the drafts alone.
    """
    left = tokens_left(state)
    if left is None:
        return [*references, *requests]
    share = max(0, left // (len(requests) + len(references)))
    if any(least_cost(request) > share for request in requests):
        drafts = shared(state, requests)
        return None if drafts is None else [*drafts]
    asked = [one for request in references if (one := reference_within(request, share)) is not None]
    return [*asked, *(request.model_copy(update={"max_tokens": share}) for request in requests)]


def reference_within(request: ReferenceRequested, left: int | None) -> ReferenceRequested | None:
    """The same request, which may spend what is left; None if that buys not even one program."""
    if left is None:
        return request
    if prompt_tokens(reference_prompt(request, request.first)) + LEAST_ANSWER_TOKENS > left:
        return None
    return request.model_copy(update={"max_tokens": left})


def least_cost(request: DraftRequested) -> int:
    """The tokens of one call with the shortest answer that is worth having."""
    return prompt_tokens(prompt_for(request, 0)) + LEAST_ANSWER_TOKENS


def prompt_tokens(prompt: Prompt) -> int:
    """An estimate on the safe side: Go and English have more bytes a token."""
    return text_tokens(prompt.system + prompt.user + prompt.begun)


def text_tokens(text: str) -> int:
    """The same of a prompt's whole text."""
    return FRAME_TOKENS + -(-len(text.encode()) // BYTES_PER_TOKEN)


def within(prompts: Sequence[Prompt], share: int | None) -> list[Prompt]:
    """As many of the prompts, from the first, as the share pays for; their answers cut to fit in."""
    if share is None:
        return list(prompts)
    for count in range(len(prompts), 0, -1):
        kept = prompts[:count]
        room = share // count - max(prompt_tokens(prompt) for prompt in kept)
        if room >= LEAST_ANSWER_TOKENS or count == 1:
            room = max(room, LEAST_ANSWER_TOKENS)
            return [roomy(prompt, room) for prompt in kept]
    return []


def roomy(prompt: Prompt, room: int) -> Prompt:
    """The same prompt, its answer at most so long, whatever `guild.toml` states."""
    room = room if prompt.room is None else min(room, prompt.room)
    return replace(prompt, max_tokens=min(prompt.max_tokens, room), room=room)


def spent_text(state: RunState) -> str:
    """For a diagnosis: `1,234 of 2,000 tokens are spent`, and why that is the end."""
    return (
        f"{state.tokens:,} of {state.options.max_tokens or 0:,} tokens are spent, "
        "and the rest does not pay for another draft"
    )
