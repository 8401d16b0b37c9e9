"""Sampling through an OpenAI-compatible endpoint: for predictions of models that run elsewhere."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from mcr.endpoint.client import ChatEndpoint, EndpointError
from mcr.endpoint.messages import chat_messages
from mcr.rollouts.request import Rollout, RolloutRequest, SamplingSettings


class EndpointSampler:
    """Asks an endpoint for each completion."""

    def __init__(self, endpoint: ChatEndpoint) -> None:
        self.endpoint = endpoint

    def sample(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        """Return `num_generations` rollouts a request, without token ids; a refused request gives an empty one with its reason.

        Raises:
            EndpointError: a request used up its tries, so the endpoint is down; what was answered is in the cache.
        """
        size = settings.num_generations
        bodies = ((index, self._body(requests[index // size], settings, index % size)) for index in range(size * len(requests)))
        found: dict[int, Rollout] = {}
        with closing(self.endpoint.ask_all(bodies)) as replies:
            for index, reply in replies:
                if not isinstance(reply, EndpointError):
                    found[index] = Rollout(reply.text, (), reply.is_complete)
                elif reply.is_refused:
                    found[index] = Rollout("", (), False, fault=str(reply))
                else:
                    sample_id = requests[index // size].sample_id
                    raise EndpointError(f"sample {sample_id}: {reply} The same command asks for what is missing.") from reply
        return [[found[start + number] for number in range(size)] for start in range(0, len(found), size)]

    def _body(self, request: RolloutRequest, settings: SamplingSettings, number: int) -> dict[str, Any]:
        drawing: dict[str, Any] = {"temperature": settings.temperature, "max_tokens": settings.max_new_tokens}
        if settings.temperature > 0:
            drawing |= {"top_p": settings.top_p, "top_k": settings.top_k, "seed": settings.seed + number}
        return self.endpoint.body_of(chat_messages(request.prompt, request.images), **drawing)
