"""Each public model end to end with tiny random weights: from original pixels and a phrase back to original pixels."""

import pytest

torch = pytest.importorskip("torch")

import numpy as np
from PIL import Image
from tiny_phrase_models import make_phrase_models

from mcr.errors import ConfigError
from mcr.grounding.phrase_models import PhraseModel, make_entailer, make_grounder
from mcr.grounding.transformers_models import read_locations
from mcr.records import Entity, ImageRef, Sample
from mcr.systems.datasets import SANDBOX_BASE
from mcr.tasks import VE, VG

TEXTS = ("Ann Lee (PER) - a singer", "[SEP] <loc_5> [CLS] Bo . Oslo <image>", "x " * 200)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return make_phrase_models(tmp_path_factory.mktemp("phrase_models"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 100, 3), dtype=np.uint8)).save(folder / "wide.png")
    Image.fromarray(rng.integers(0, 255, (300, 60, 3), dtype=np.uint8)).save(folder / "tall.png")
    return folder


def phrases(task):
    shown = (ImageRef("wide.png", 100, 40), ImageRef("tall.png", 60, 300), ImageRef("wide.png", 100, 40))
    pairs = zip(TEXTS, shown, strict=True)
    return [Sample(str(n), "x", task, text, (image,), (Entity(text.strip(), "PER"),)) for n, (text, image) in enumerate(pairs)]


def test_blip_gives_each_phrase_a_probability_that_does_not_depend_on_its_batch(models, images):
    (together, alone) = (PhraseModel("blip_itm", str(models["blip_itm"]), images, batch_size=size) for size in (3, 1))
    found, again = ([one.uncertainties[0] for one in make_entailer(model).predict(phrases(VE))] for model in (together, alone))
    assert all(0 < one < 1 for one in found)
    assert found == pytest.approx(again, abs=1e-5)


@pytest.mark.parametrize("kind", ["grounding_dino", "florence_2"])
def test_grounders_answer_every_phrase_with_a_box_inside_the_original_image_or_none(models, images, kind):
    found = list(make_grounder(PhraseModel(kind, str(models[kind]), images)).predict(phrases(VG)))
    assert [one.id for one in found] == ["0", "1", "2"]
    for prediction, sample in zip(found, phrases(VG), strict=True):
        for x1, y1, x2, y2 in prediction.entities[0].boxes or ():
            assert 0 <= x1 < x2 <= sample.images[0].width
            assert 0 <= y1 < y2 <= sample.images[0].height
    if kind == "grounding_dino":
        assert all(prediction.entities[0].boxes for prediction in found)


def test_grounding_dino_returns_the_box_of_its_best_query_in_pixels(models, images, monkeypatch):
    predictor = make_grounder(PhraseModel("grounding_dino", str(models["grounding_dino"]), images))

    class Out:
        logits = torch.tensor([[[-5.0, -4.0], [-5.0, 2.0], [1.0, -9.0]]])
        pred_boxes = torch.tensor([[[0.5, 0.5, 1.0, 1.0], [0.25, 0.5, 0.5, 0.2], [0.9, 0.9, 0.1, 0.1]]])

    monkeypatch.setattr(type(predictor.grounder.model), "forward", lambda self, **_: Out)
    (box, *_) = predictor.grounder.ground(phrases(VG))
    assert box == pytest.approx((0.0, 16.0, 50.0, 24.0))


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("a disc<loc_0><loc_100><loc_499><loc_999>", (0.05, 4.02, 49.95, 39.98)),
        ("a<loc_9><loc_9><loc_5><loc_5>b<loc_0><loc_0><loc_9><loc_9>", (0.05, 0.02, 0.95, 0.38)),
        ("nothing", None),
        ("<loc_1><loc_2><loc_3>", None),
    ],
)
def test_florence_writes_bins_of_a_thousandth_of_the_image(text, box):
    found = read_locations(text, Image.new("RGB", (100, 40)))
    assert found == (box if box is None else pytest.approx(box))


def test_our_own_model_gives_log_odds_that_add_up_token_by_token(images):
    model = PhraseModel("vlm", str(SANDBOX_BASE), images, family="qwen3_vl", dtype="float32", batch_size=3)
    predictor = make_entailer(model)
    entailer, asked = predictor.entailer, phrases(VE)[:1]
    (found,) = entailer.log_odds(asked)

    from mcr.io.images import open_image
    from mcr.rollouts.image_pads import prompt_texts

    (text,) = prompt_texts(entailer.processor, [entailer.prompts.prompt_for(asked[0])])
    inputs = entailer._encode([text], [[open_image(images, "wide.png")]])
    ids, sums = inputs["input_ids"], {}
    for said in ("yes", "no"):
        answer = entailer.processor.tokenizer(f"<answer>\n{said}\n</answer>", add_special_tokens=False)["input_ids"]
        sums[said], longer = 0.0, dict(inputs)
        for token in answer:  # one token at a time, the whole forward pass anew
            with torch.no_grad():
                logits = entailer.model(**longer).logits[0, -1]
            sums[said] += logits.log_softmax(-1)[token].item()
            more = {
                name: torch.zeros((1, 1), dtype=value.dtype)
                for name, value in longer.items()
                if value.shape == longer["input_ids"].shape
            }
            more |= {"input_ids": torch.tensor([[token]]), "attention_mask": torch.ones((1, 1), dtype=torch.long)}
            longer = {name: torch.cat([value, more[name]], dim=1) if name in more else value for name, value in longer.items()}
    assert ids.shape[1] < longer["input_ids"].shape[1]
    assert found == pytest.approx(sums["yes"] - sums["no"], abs=1e-3)
    several = entailer.log_odds(phrases(VE)[:2])
    assert several[0] == pytest.approx(found, abs=1e-3)


def test_a_model_that_was_trained_to_reason_is_refused_as_entailer(images, tmp_path):
    from mcr.families import frame_settings
    from mcr.grounding.own_vlm import VlmEntailer
    from mcr.labels import DEFAULT_LABELS
    from mcr.prompts.settings import PromptSettings

    reasoned = PromptSettings(DEFAULT_LABELS, frame_settings("qwen3_vl"))
    with pytest.raises(ConfigError, match="--single_style answer_only"):
        VlmEntailer(torch.nn.Linear(1, 1), None, reasoned, images)


def test_unknown_kinds_and_missing_models_are_named(images):
    with pytest.raises(ConfigError, match=r"did you mean blip_itm\?"):
        make_entailer(PhraseModel("blip", "x", images))
    with pytest.raises(ConfigError, match="expected one of florence_2, grounding_dino"):
        make_grounder(PhraseModel("dino", "x", images))
    with pytest.raises(ConfigError, match="IDEA-Research/grounding-dino-base"):
        make_grounder(PhraseModel("grounding_dino", "", images))
    with pytest.raises(ConfigError, match="Name its family"):
        make_grounder(PhraseModel("vlm", str(SANDBOX_BASE), images))
    with pytest.raises(ConfigError, match="base URL"):
        make_entailer(PhraseModel("endpoint", "m", images))
