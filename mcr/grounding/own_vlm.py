"""A vision-language model of ours as entailer: the log odds of yes against no, as answers of task ve."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mcr.errors import ConfigError
from mcr.formats import opened_by
from mcr.io.images import open_image
from mcr.models.unusable import naming_samples
from mcr.prompts.baselines import Prompter
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample
from mcr.rollouts.image_pads import prompt_texts

ANSWER = "<answer>\n{said}\n</answer>"


class VlmEntailer:
    """An entailer (`mcr.grounding.phrase_predictors.Entailer`).

    Both answers are scored whole behind the prompt, so it does not matter into which tokens a tokenizer cuts them.

    Args:
        model: of a family.
        processor: of the model, padding on the left.
        prompts: how a phrase is asked.
        image_root: the folder that image paths start from.

    Raises:
        ConfigError: the prompts ask for reasoning, behind which alone the verdict would come.
    """

    def __init__(self, model: Any, processor: Any, prompts: Prompter, image_root: Path) -> None:
        if isinstance(prompts, PromptSettings) and prompts.is_reasoned:
            raise ConfigError(
                "entailer vlm: the model was trained to reason before its verdict, whose probability is read without. Train it "
                "on schemas written with --single_style answer_only."
            )
        self.model, self.processor, self.prompts, self.image_root = model.eval(), processor, prompts, image_root

    @torch.inference_mode()
    def log_odds(self, samples: Sequence[Sample]) -> list[float]:
        """Return log P(yes) - log P(no) for each phrase."""
        texts = prompt_texts(self.processor, [self.prompts.prompt_for(sample) for sample in samples])
        images = [[open_image(self.image_root, one.path) for one in self.prompts.images_of(sample)] for sample in samples]
        opened = {opened_by(text) for text in texts}
        if opened != {""}:
            raise ConfigError(f"entailer vlm: its prompts open {', '.join(sorted(opened))}, behind which no verdict can stand.")
        ids = [sample.id for sample in samples]
        with naming_samples(ids, lambda index: self._encode([texts[index]], [images[index]])):
            inputs = self._encode(texts, images).to(self.model.device)
        yes, no = (self._log_probability(inputs, ANSWER.format(said=said)) for said in ("yes", "no"))
        return (yes - no).tolist()

    def _encode(self, texts: Sequence[str], images: Sequence[Sequence[Any]]) -> Any:
        flat = [image for of_one in images for image in of_one]
        return self.processor(text=list(texts), images=flat or None, padding=True, return_tensors="pt")

    def _log_probability(self, inputs: Any, answer: str) -> torch.Tensor:
        """Return the log-probability [B] of an answer behind each prompt."""
        said = torch.tensor(self.processor.tokenizer(answer, add_special_tokens=False)["input_ids"], device=self.model.device)
        size = inputs["input_ids"].shape
        more = said.expand(size[0], -1)
        filled = {name: torch.zeros_like(more) for name, value in inputs.items() if value.shape == size}
        filled |= {"input_ids": more, "attention_mask": torch.ones_like(more)}
        longer = {name: torch.cat([value, filled[name]], dim=1) if name in filled else value for name, value in inputs.items()}
        logits = self.model(**longer, logits_to_keep=more.shape[1] + 1).logits[:, :-1].float()
        return logits.log_softmax(dim=-1).gather(2, more[..., None]).squeeze(2).sum(dim=1)
