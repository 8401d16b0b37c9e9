"""RiVEG's stages: what goes from one to the next, what is asked and what is not, files in place of models, resuming."""

import json
from dataclasses import replace

import pytest
from odd_server import odd_server

pytest.importorskip("torch")

from mcr.errors import ConfigError
from mcr.io.predictions import Prediction, load_predictions, write_prediction
from mcr.knowledge.known_texts import Knowledge, read_knowledge, write_knowledge
from mcr.records import Entity, ImageRef, Sample
from mcr.systems import system_named
from mcr.systems.base import PredictorInputs
from mcr.systems.riveg import pipeline as module
from mcr.systems.riveg.stage_flags import RivegSettings
from mcr.tasks import GMNER, VE, VG

BOX = (1.0, 2.0, 30.0, 40.0)
IMAGE = ImageRef("a.png", 100, 100)
SAMPLES = [
    Sample("1", "x", GMNER, "Ann met Bo", (IMAGE,), (Entity("Ann", "PER", (BOX,)), Entity("Bo", "PER"))),
    Sample("2", "x", GMNER, "rain", (IMAGE,), ()),
    Sample(
        "3", "x", GMNER, "Rome without a picture", (ImageRef("b.png", None, None, is_missing=True),), (Entity("Rome", "LOC"),)
    ),
    Sample("4", "x", GMNER, "Oslo", (), (Entity("Oslo", "LOC"),)),
]


class Asked:
    """A fake entailer and grounder: Ann is shown, and Bo is not."""

    def __init__(self, kind, log, fails_at=None):
        self.kind, self.log, self.fails_at = kind, log, fails_at

    def predict(self, samples):
        for sample in samples:
            if sample.id == self.fails_at:
                raise KeyboardInterrupt
            self.log.append((self.kind, sample.task.name, sample.id, sample.sentence))
            boxes = (() if "Ann" in sample.sentence else None) if self.kind == "entailer" else (BOX,)
            yield Prediction(sample.id, sample.sentence, (Entity(sample.sentence, "", boxes),), uncertainties=(0.1,))


@pytest.fixture
def log(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "make_entailer", lambda model, calibration: Asked("entailer", calls))
    monkeypatch.setattr(module, "make_grounder", lambda model: Asked("grounder", calls))
    return calls


def write_names(path, samples):
    with path.open("w") as file:
        for sample in samples:
            write_prediction(file, Prediction(sample.id, sample.sentence, sample.entities))
    return str(path)


def predict(tmp_path, samples=SAMPLES, **settings):
    tmp_path.mkdir(exist_ok=True)
    names = write_names(tmp_path / "names.jsonl", SAMPLES)
    settings = {"riveg_names": names, "riveg_entailer": "vlm", "riveg_grounder": "vlm"} | settings
    inputs = PredictorInputs(image_root=tmp_path, output_dir=tmp_path / "out", settings=RivegSettings(**settings))
    return list(system_named("riveg").make_predictor(inputs).predict(samples))


def test_only_entailed_entities_are_grounded_and_the_rest_is_none(tmp_path, log):
    found = predict(tmp_path)
    assert [[(e.text, e.type, e.boxes) for e in one.entities] for one in found] == [
        [("Ann", "PER", (BOX,)), ("Bo", "PER", None)],
        [],
        [("Rome", "LOC", None)],
        [("Oslo", "LOC", None)],
    ]
    assert log == [
        ("entailer", "ve", "1#0", "Ann (PER)"),
        ("entailer", "ve", "1#1", "Bo (PER)"),
        ("grounder", "vg", "1#0", "Ann (PER)"),
    ]
    assert [one.id for one in load_predictions(tmp_path / "out" / "places" / "predictions-000.jsonl")] == ["1#0"]


def test_without_an_entailer_everything_is_grounded(tmp_path, log):
    found = predict(tmp_path, riveg_entailer="none")
    assert [entity.boxes for entity in found[0].entities] == [(BOX,), (BOX,)]
    assert {kind for kind, *_ in log} == {"grounder"}


def test_no_entailed_entity_at_all_asks_the_grounder_nothing(tmp_path, log):
    (found,) = predict(tmp_path, [replace(SAMPLES[0], entities=SAMPLES[0].entities)], riveg_names=write_names(
        tmp_path / "bo.jsonl", [replace(SAMPLES[0], entities=(Entity("Bo", "PER"),))]))  # fmt: skip
    assert [entity.boxes for entity in found.entities] == [None]
    assert [kind for kind, *_ in log] == ["entailer"]


def test_without_a_grounder_there_are_names_and_types_alone(tmp_path, log):
    found = predict(tmp_path, riveg_entailer="none", riveg_grounder="none")
    assert [entity.boxes for one in found for entity in one.entities] == [None] * 4
    assert log == []


def test_expansions_make_referring_expressions(tmp_path, log):
    path = tmp_path / "expansions.jsonl"
    write_knowledge(path, [Knowledge("1", "a singer", "llm", "Ann", "PER"), Knowledge("1", "a cook", "llm", "Bo", "LOC")])
    predict(tmp_path, riveg_expansions=str(path))
    assert [text for *_, text in log] == ["Ann (PER) - a singer", "Bo (PER)", "Ann (PER) - a singer"]


def test_an_endpoint_says_what_entities_are_and_is_asked_once(tmp_path, log):
    def answer(body):
        is_ann = "what is the Ann in the Text" in body["messages"][-1]["content"]
        return "a singer of songs" if is_ann else "I'm sorry, but I cannot help with that."

    with odd_server(answer) as server:
        for _ in range(2):
            predict(tmp_path, riveg_expansions_url=server.url, riveg_expansions_model="m")
            (tmp_path / "out" / "verdicts" / "predictions-000.jsonl").unlink()
        assert [json.loads(raw)["model"] for raw in server.asked] == ["m"] * 2, "an entity a request, and none twice"
    assert [text for kind, *_, text in log if kind == "entailer"] == ["Ann (PER) - a singer of songs", "Bo (PER)"] * 2
    (kept,) = read_knowledge(tmp_path / "out" / "expansions.jsonl")
    assert (kept.id, kept.text, kept.entity) == ("1", "a singer of songs", "Ann")


@pytest.mark.parametrize("part", ["entailer", "grounder"])
def test_a_run_that_was_stopped_asks_nothing_twice(tmp_path, log, monkeypatch, part):
    settings = {} if part == "entailer" else {"riveg_entailer": "none"}  # then both are grounded
    monkeypatch.setattr(module, f"make_{part}", lambda *_: Asked(part, log, fails_at="1#1"))
    with pytest.raises(KeyboardInterrupt):
        predict(tmp_path, **settings)
    monkeypatch.setattr(module, f"make_{part}", lambda *_: Asked(part, log))
    predict(tmp_path, **settings)
    assert [sample_id for kind, _, sample_id, _ in log if kind == part] == ["1#0", "1#1"]


def test_names_that_were_found_before_a_stop_are_not_found_again(tmp_path, log, monkeypatch):
    monkeypatch.setattr(module.RivegPredictor, "_tagger", lambda *_: Asked("tagger", log, fails_at="3"))
    settings = {"riveg_names": "", "riveg_tagger": "t", "riveg_entailer": "none", "riveg_grounder": "none"}
    with pytest.raises(KeyboardInterrupt):
        predict(tmp_path, **settings)
    monkeypatch.setattr(module.RivegPredictor, "_tagger", lambda *_: Asked("tagger", log))
    assert len(predict(tmp_path, **settings)) == 4
    assert [sample_id for _, _, sample_id, _ in log] == ["1", "2", "3", "4"]


def test_verdicts_and_places_of_files_stand_in_for_models(tmp_path, log):
    for name, rows in (("verdicts", [("1#0", None), ("1#1", ())]), ("places", [("1#1", (BOX,))])):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            for phrase_id, boxes in rows:
                text = {"1#0": "Ann (PER)", "1#1": "Bo (PER)"}[phrase_id]
                write_prediction(file, Prediction(phrase_id, text, (Entity(text, "", boxes),)))
    files = {f"riveg_{name}": str(tmp_path / f"{name}.jsonl") for name in ("verdicts", "places")}
    found = predict(tmp_path, SAMPLES[:1], riveg_entailer="none", riveg_grounder="none", **files)
    assert [entity.boxes for entity in found[0].entities] == [None, (BOX,)]
    assert log == []


def test_a_file_that_lacks_a_phrase_is_refused(tmp_path, log):
    path = tmp_path / "verdicts.jsonl"
    with path.open("w") as file:
        write_prediction(file, Prediction("1#0", "Ann (PER)", (Entity("x", "", None),)))
    with pytest.raises(ConfigError, match=r"lacks 1 of 2, 1#1 first"):
        predict(tmp_path, riveg_verdicts=str(path))


def test_a_file_on_other_names_is_refused_though_its_ids_fit(tmp_path, log):
    path = tmp_path / "verdicts.jsonl"
    with path.open("w") as file:
        for number, text in enumerate(("Ann (PER)", "Bo (LOC)")):
            write_prediction(file, Prediction(f"1#{number}", text, (Entity(text, "", None),)))
    with pytest.raises(ConfigError, match=r"of other texts: 1#1 is 'Bo \(LOC\)' where 'Bo \(PER\)' is asked"):
        predict(tmp_path, riveg_verdicts=str(path))


@pytest.mark.parametrize("idle", [{"riveg_entailer": "vlm"}, {"riveg_segmenter": "color"}])
def test_a_stage_that_would_do_nothing_is_refused(tmp_path, log, idle):
    with pytest.raises(ConfigError, match="without a grounder"):
        predict(tmp_path, **({"riveg_entailer": "none", "riveg_grounder": "none"} | idle))


def test_what_has_no_expansion_is_told(tmp_path, log, capsys):
    path = tmp_path / "expansions.jsonl"
    write_knowledge(path, [Knowledge("1", "a singer", "llm", "Ann", "PER")])
    predict(tmp_path, riveg_expansions=str(path))
    assert "1 of 2 entities have no expansion" in capsys.readouterr().out


def test_an_address_goes_to_the_endpoint_alone(tmp_path):
    settings = RivegSettings(riveg_names="n", riveg_entailer="endpoint", riveg_grounder="vlm", riveg_base_url="http://x")
    pipeline = module.RivegPredictor(settings, tmp_path, tmp_path)
    assert pipeline._model("endpoint", "m", "verdicts").base_url == "http://x"
    assert pipeline._model("vlm", "m", "places").base_url == ""


def test_phrases_go_to_their_stage_as_they_are(tmp_path, log):
    phrase = Sample("p", "x", VE, "Ann (PER)", (IMAGE,), (Entity("Ann (PER)", "PER", (BOX,)),))
    found = predict(tmp_path, [phrase, replace(phrase, id="q", task=VG)])
    assert [one.entities[0].boxes for one in found] == [(), (BOX,)]
    assert [(kind, sample_id) for kind, _, sample_id, _ in log] == [("entailer", "p"), ("grounder", "q")]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"riveg_names": "a", "riveg_tagger": "b"}, "exclude each other"),
        ({"riveg_knowledge": "a"}, "give riveg_tagger"),
        ({"riveg_expansions_url": "http://x"}, "belong together"),
        ({"riveg_calibration": "a"}, "set riveg_entailer"),
        ({"riveg_calibration": "a", "riveg_entailer": "endpoint", "riveg_base_url": "http://x"}, "set riveg_entailer"),
        ({"riveg_base_url": "http://x", "riveg_entailer": "vlm"}, "of an endpoint"),
        ({"riveg_verdicts": "a", "riveg_entailer_model": "b"}, "exclude each other"),
        ({"riveg_form": "names"}, "riveg_form"),
        ({"riveg_batch_size": 0}, "riveg_batch_size"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        RivegSettings(**settings)


def test_who_finds_the_names_and_sees_the_images_has_to_be_said(tmp_path):
    with pytest.raises(ConfigError, match="who finds the names"):
        predict(tmp_path, riveg_names="", riveg_entailer="none", riveg_grounder="none")
    with pytest.raises(ConfigError, match="image_root"):
        module.make_predictor(PredictorInputs(output_dir=tmp_path, settings=RivegSettings(riveg_names="a", riveg_grounder="vlm")))


def test_flags_of_a_system_that_is_not_asked_are_refused(tmp_path):
    from recipes import evaluate

    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "1", "sentence": "x", "entities": []}) + "\n")
    with pytest.raises(ConfigError, match="--system riveg"):
        evaluate.main(
            ["--gold", str(gold), "--predictions", str(gold), "--output_dir", str(tmp_path / "o"), "--riveg_form", "name"]
        )


@pytest.mark.parametrize("is_known", [True, False])
def test_a_tagger_reads_knowledge_where_it_was_trained_with_it_and_nowhere_else(tmp_path, is_known):
    pytest.importorskip("torchcrf")
    from mcr.tagging.tagger import make_tagger
    from mcr.tagging.texts import TaggedText

    text = TaggedText("1", ("Ann", "met", "Bo"), ("a", "singer") if is_known else (), ("B-PER", "O", "B-PER"))
    make_tagger("bilstm", "", [text, text], ("PER",), max_tokens=20).save(tmp_path / "tagger")
    write_knowledge(tmp_path / "k.jsonl", [Knowledge("1", "a singer", "llm")])
    settings = {"riveg_names": "", "riveg_tagger": str(tmp_path / "tagger"), "riveg_entailer": "none", "riveg_grounder": "none"}
    known = {"riveg_knowledge": str(tmp_path / "k.jsonl")}
    right, wrong = (known, {}) if is_known else ({}, known)
    assert len(predict(tmp_path, **settings, **right)) == 4
    with pytest.raises(ConfigError, match="--riveg_knowledge"):
        predict(tmp_path / "again", **settings, **wrong)
