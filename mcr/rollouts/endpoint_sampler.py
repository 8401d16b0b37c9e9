"""Sampling through an OpenAI-compatible endpoint: for predictions of models that run elsewhere."""

from collections.abc import Sequence
from typing import Any

from mcr.endpoint.client import ChatEndpoint, EndpointError
from mcr.endpoint.messages import chat_messages
from mcr.errors import raise_faults
from mcr.rollouts.request import Rollout, RolloutRequest, SamplingSettings


class EndpointSampler:
    """Asks an endpoint for each completion."""

    def __init__(self, endpoint: ChatEndpoint) -> None:
        self.endpoint = endpoint

    def sample(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        """Return `num_generations` rollouts a request, without token ids; a refused request gives an empty one with its reason.

        Raises:
            EndpointError: lists the requests that failed for good; what was answered is in the cache.
        """
        size = settings.num_generations
        bodies = ((index, self._body(requests[index // size], settings, index % size)) for index in range(size * len(requests)))
        found: dict[int, Rollout] = {}
        faults = []
        for index, reply in self.endpoint.ask_all(bodies):
            if isinstance(reply, EndpointError) and reply.is_refused:
                found[index] = Rollout("", (), False, fault=str(reply))
            elif isinstance(reply, EndpointError):
                faults.append(f"sample {requests[index // size].sample_id}: {reply}")
            else:
                found[index] = Rollout(reply.text, (), reply.is_complete)
        what = f"{len(faults)} of {len(requests) * size} requests failed; the same command asks for these alone again"
        raise_faults(what, faults, error=EndpointError)
        return [[found[start + number] for number in range(size)] for start in range(0, len(found), size)]

    def _body(self, request: RolloutRequest, settings: SamplingSettings, number: int) -> dict[str, Any]:
        drawing: dict[str, Any] = {"temperature": settings.temperature, "max_tokens": settings.max_new_tokens}
        if settings.temperature > 0:
            drawing |= {"top_p": settings.top_p, "seed": settings.seed + number, "extra_body": {"top_k": settings.top_k}}
        return self.endpoint.body_of(chat_messages(request.prompt, request.images), **drawing)
