"""Entailment and grounding by an endpoint, over real HTTP: what is asked, and how answers become verdicts and pixels."""

import base64
import io
import json

import pytest
from odd_server import odd_server
from PIL import Image

from mcr.grounding.phrase_models import PhraseModel, make_entailer, make_grounder
from mcr.io.predictions import load_predictions
from mcr.records import Entity, ImageRef, Sample
from mcr.systems import system_named
from mcr.systems.base import PredictorInputs
from mcr.systems.riveg.stage_flags import RivegSettings
from mcr.tasks import GMNER, VE, VG

ANSWERS = {"Ann": "100, 200, 500, 700", "Bo": "None", "Cy": "somewhere on the left"}


@pytest.fixture
def images(tmp_path):
    Image.new("RGB", (200, 100), "red").save(tmp_path / "wide.png")
    return tmp_path


def phrases(task, names):
    image = ImageRef("wide.png", 200, 100)
    return [Sample(name, "x", task, f"{name} (PER)", (image,), (Entity(f"{name} (PER)", "PER"),)) for name in names]


def asked_text(body):
    (text,) = [part["text"] for part in body["messages"][-1]["content"] if part["type"] == "text"]
    return text


def name_in(body):
    return asked_text(body).removeprefix("Text: ").split(" (PER)")[0]


def sent_image(body):
    (url,) = [part["image_url"]["url"] for part in body["messages"][-1]["content"] if part["type"] == "image_url"]
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))


def answer_by_name(body):
    answer = ANSWERS[name_in(body)]
    return f"<answer>\n[{answer}]\n</answer>" if answer[0].isdigit() else f"<answer>\n{answer}\n</answer>"


def predicted(make, model, samples):
    return {one.id: one for one in make(model).predict(samples)}


def test_an_entailer_behind_an_endpoint_is_shown_the_image_and_says_yes_or_no(images):
    said = {"Ann": "<answer>\nyes\n</answer>", "Bo": "<answer>no</answer>", "Cy": "I cannot tell."}
    bodies = []

    def answer(body):
        bodies.append(body)
        return said[name_in(body)]

    with odd_server(answer) as server:
        model = PhraseModel("endpoint", "m", images, family="qwen3_vl", base_url=server.url)
        found = predicted(make_entailer, model, phrases(VE, said))
    assert [entity.boxes for entity in found["Ann"].entities] == [()]
    assert [entity.boxes for entity in found["Bo"].entities] == [None]
    assert found["Cy"].entities == (), "a verdict that cannot be read shows nothing"
    assert {body["model"] for body in bodies} == {"m"}
    assert all(sent_image(body).size == (200, 100) and sent_image(body).getpixel((0, 0)) == (255, 0, 0) for body in bodies)


@pytest.mark.parametrize(
    ("family", "box"),
    [
        ("qwen3_vl", (20.0, 20.0, 100.0, 70.0)),  # thousandths of each side
        ("qwen2_5_vl", (100 * 200 / 196, 200 * 100 / 112, 500 * 200 / 196, 700 * 100 / 112)),  # pixels as the model sees it
    ],
)
def test_a_box_of_an_endpoint_comes_back_in_pixels_of_the_original(images, family, box):
    with odd_server(answer_by_name) as server:
        model = PhraseModel("endpoint", "m", images, family=family, base_url=server.url)
        found = predicted(make_grounder, model, phrases(VG, ANSWERS))
    assert found["Ann"].entities[0].boxes == (pytest.approx(box),)
    assert found["Bo"].entities[0].boxes is None
    assert found["Cy"].entities == (), "a box that cannot be read"


def test_riveg_whole_with_an_endpoint_for_entailment_and_grounding_grounds_what_is_entailed(images):
    image = ImageRef("wide.png", 200, 100)
    sample = Sample("1", "x", GMNER, "Ann met Bo", (image,), (Entity("Ann", "PER"), Entity("Bo", "PER")))
    names = images / "names.jsonl"
    rows = [{"text": name, "type": "PER", "boxes": None} for name in ("Ann", "Bo")]
    names.write_text(json.dumps({"id": "1", "sentence": "Ann met Bo", "entities": rows}) + "\n")
    bodies = []

    def answer(body):
        bodies.append(asked_text(body))
        if "the box" in asked_text(body):
            return answer_by_name(body)
        return "yes" if name_in(body) == "Ann" else "no"

    with odd_server(answer) as server:
        kinds = {"riveg_entailer": "endpoint", "riveg_grounder": "endpoint"}
        models = {"riveg_entailer_model": "m", "riveg_grounder_model": "m", "riveg_family": "qwen3_vl"}
        settings = RivegSettings(riveg_names=str(names), riveg_base_url=server.url, **kinds, **models)
        inputs = PredictorInputs(image_root=images, output_dir=images / "out", settings=settings)
        (found,) = system_named("riveg").make_predictor(inputs).predict([sample])
    assert [(entity.text, entity.boxes) for entity in found.entities] == [("Ann", ((20.0, 20.0, 100.0, 70.0),)), ("Bo", None)]
    assert [text.split("\n")[0] for text in bodies if "the box" in text] == ["Text: Ann (PER)"]
    assert [one.id for one in load_predictions(images / "out" / "places" / "predictions-000.jsonl")] == ["1#0"]
