"""Asking a large model for corrections, here or behind an endpoint; a run that is stopped asks nothing twice."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcr.endpoint.client import Reply, ReplyCache, request_key
from mcr.families import FrameSettings
from mcr.rollouts import Rollout, RolloutRequest, Sampler, SamplingSettings
from mcr.rollouts.make_sampler import SamplerSettings, make_sampler

TEMPERATURE = 0.1  # UnCo B.1


class AskedModel:
    """Replies to requests, batch by batch. An endpoint keeps its own replies; those of a local model are kept here.

    Args:
        settings: which sampler; it is made for the first request that has no reply yet.
        frame: that the prompts write boxes in, compared with the processor's of a local model.
        sampling: of one completion a request.
        cache: the file of a local model's replies.
    """

    def __init__(self, settings: SamplerSettings, frame: FrameSettings, sampling: SamplingSettings, cache: Path) -> None:
        self.settings, self.frame, self.sampling, self.sampler = settings, frame, sampling, None
        self.cache = None if settings.endpoint else ReplyCache(cache)

    def __call__(self, requests: Sequence[RolloutRequest]) -> list[str]:
        """Return the reply to each request, "" for one that an endpoint refuses."""
        keys = [self._key(request) for request in requests]
        known = {key: reply.text for key in dict.fromkeys(keys) if (reply := self._known(key)) is not None}
        left = [(key, request) for key, request in dict(zip(keys, requests, strict=True)).items() if key not in known]
        for key, rollout in self._asked(left):
            known[key] = rollout.text
            if self.cache is not None:
                self.cache.put(key, Reply(rollout.text, rollout.is_complete))
        return [known[key] for key in keys]

    def _asked(self, left: Sequence[tuple[str, RolloutRequest]]) -> Iterator[tuple[str, Rollout]]:
        size = self.settings.batch_size
        for start in range(0, len(left), size):
            batch = left[start : start + size]
            for (key, _), rollouts in zip(batch, self._loaded().sample([one for _, one in batch], self.sampling), strict=True):
                yield key, rollouts[0]

    def _loaded(self) -> Sampler:
        if self.sampler is None:
            self.sampler = make_sampler(self.settings, self.frame)
        return self.sampler

    def _known(self, key: str) -> Reply | None:
        return None if self.cache is None else self.cache.get(key)

    def _key(self, request: RolloutRequest) -> str:
        images = [hashlib.sha256(image.tobytes()).hexdigest() for image in request.images]
        sampling = {name: getattr(self.sampling, name) for name in ("temperature", "top_k", "top_p", "max_new_tokens", "seed")}
        return request_key({"model": self.settings.model, "prompt": request.prompt, "images": images, **sampling})
