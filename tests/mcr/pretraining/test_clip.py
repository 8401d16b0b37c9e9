"""The sandbox's CLIP: its loss against a slow loop, a run that loads again, and the one that ships."""

import math

import pytest

torch = pytest.importorskip("torch")

from recipes import sandbox_clip

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("clip")
    sandbox_clip.main(["--output_dir", str(out), "--steps", "2", "--save_every", "1"])
    return out / "model"


def load(folder):
    from transformers import CLIPModel, CLIPProcessor

    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), CLIPProcessor.from_pretrained(folder)


def test_the_loss_is_the_mean_of_both_directions(small):
    model, processor = load(small)
    scenes = [sandbox_clip.corpus_scene(0, index) for index in range(4)]
    inputs = sandbox_clip.inputs_of(processor, scenes, [sandbox_clip.write_caption(scene) for scene in scenes])
    with torch.no_grad():
        loss = sandbox_clip.match_loss(model, inputs).item()
        logits = model(**inputs).logits_per_text.tolist()
    columns = [list(column) for column in zip(*logits, strict=True)]
    rows = [-math.log(math.exp(row[i]) / sum(map(math.exp, row))) for table in (logits, columns) for i, row in enumerate(table)]
    assert loss == pytest.approx(sum(rows) / len(rows), rel=1e-4)


def test_a_text_is_read_from_its_end(small):
    """Padding behind a text changes nothing."""
    model, processor = load(small)
    scene = sandbox_clip.corpus_scene(0, 0)
    alone = sandbox_clip.inputs_of(processor, [scene], ["a red-disc."])
    padded = sandbox_clip.inputs_of(processor, [scene, scene], ["a red-disc.", "a red-disc and a blue-ring and a green-cross."])
    with torch.no_grad():
        one, two = (model(**inputs).text_embeds[0] for inputs in (alone, padded))
    assert torch.allclose(one, two, atol=1e-5)
