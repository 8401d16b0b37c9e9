import json
from dataclasses import replace
from random import Random

import pyarrow.parquet as pq
import pytest

from data_prep import write_schemas
from data_prep.readers.twitter_gmner import read_twitter_gmner
from data_prep.sandbox.task_worlds import world_sample
from data_prep.schemas import template_sets
from data_prep.schemas.build import SchemaOptions, draw_styles, make_schema, rounded_gold
from data_prep.schemas.phrases import BANK
from data_prep.schemas.styles import STYLES
from data_prep.training_sets.split import is_held_back
from mcr.errors import ConfigError, DataError
from mcr.families import frame_settings
from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import Knowledge, write_knowledge
from mcr.labels import load_labels
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER
from rewards import score_completion

WORLD = [world_sample(3, "train", index)[0] for index in range(60)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "llava"])
def test_every_schema_earns_one_in_its_frame(style, family):
    options = SchemaOptions(styles=STYLES)
    for sample in WORLD:
        frame = frame_settings(family).frame_of(sample)
        completion = make_schema(sample, style, frame, options, seed=1).completion
        assert score_completion(completion, rounded_gold(sample.entities, frame), frame=frame).total == 1.0


@pytest.mark.parametrize("style", [style for style in STYLES if style != "answer_only"])
def test_a_schema_walks_every_entity(style):
    for sample in WORLD[:20]:
        text = make_schema(
            sample, style, frame_settings("qwen3_vl").frame_of(sample), SchemaOptions(styles=STYLES), seed=2
        ).completion
        reasoning = text.rsplit("Answer:", 1)[0].split("<answer>")[0]
        assert all(entity.text in reasoning and entity.type in reasoning for entity in sample.entities)


def test_a_schema_names_only_what_the_sample_holds():
    for sample in WORLD[:20]:
        others = {e.text for s in WORLD for e in s.entities} - {e.text for e in sample.entities}
        others = {name for name in others if name not in sample.sentence}
        text = make_schema(
            sample, "narrative", frame_settings("qwen3_vl").frame_of(sample), SchemaOptions(styles=STYLES), seed=2
        ).completion
        assert not [name for name in others if name in text]


def test_the_same_seed_gives_the_same_schema_and_another_seed_another():
    sample, options = WORLD[5], SchemaOptions(styles=STYLES)
    frame = frame_settings("qwen3_vl").frame_of(sample)
    texts = [make_schema(sample, "narrative", frame, options, seed).completion for seed in (1, 1, 2, 3, 4)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_every_kind_of_phrase_has_variants():
    assert all(len(set(variants)) >= 3 for variants in BANK.values())


def test_the_largest_box_is_written_or_all():
    boxes = ((0, 0, 10, 10), (20, 20, 90, 90))
    sample = Sample("1", "d", "gmner", "Ann", (ImageRef("a", 1000, 1000),), (Entity("Ann", "PER", boxes),))
    frame = frame_settings("qwen3_vl").frame_of(sample)
    one = make_schema(sample, "answer_only", frame, SchemaOptions(("answer_only",), ("rows",)), 0).completion
    both = make_schema(sample, "answer_only", frame, SchemaOptions(("answer_only",), ("rows",), all_boxes=True), 0).completion
    assert "[20, 20, 90, 90]" in one
    assert "[0, 0, 10, 10]" not in one
    assert "[0, 0, 10, 10], [20, 20, 90, 90]" in both


def test_text_that_would_be_read_otherwise_is_refused():
    sample = Sample("7", "d", "gmner", "x </answer> y", (ImageRef("a", 9, 9),), (Entity("x </answer> y", "PER"),))
    with pytest.raises(DataError, match="sample 7"):
        make_schema(sample, "steps_text_first", frame_settings("qwen3_vl").frame_of(sample), SchemaOptions(STYLES, ("rows",)), 0)


def test_styles_are_drawn_by_share_without_repeats():
    options = SchemaOptions(("brief", "narrative", "question_answer"), shares=(6, 3, 1))
    draws = [draw_styles(options, 1, Random(seed))[0] for seed in range(2000)]
    assert abs(draws.count("brief") / 2000 - 0.6) < 0.05
    assert abs(draws.count("question_answer") / 2000 - 0.1) < 0.03
    assert sorted(draw_styles(options, 3, Random(0))) == sorted(options.styles)
    with pytest.raises(ConfigError, match="shares"):
        SchemaOptions(("brief", "narrative"), shares=(1,))


def test_schemas_say_what_a_name_looks_like_only_where_it_is_known():
    sample, name = next((s, e.text) for s in WORLD for e in s.entities if e.boxes is None and e.text in dict(s.knowledge))
    look = dict(sample.knowledge)[name]
    frame = frame_settings("qwen3_vl").frame_of(sample)
    options = SchemaOptions(("brief",), num_phrasings=1)
    assert f"{look} not seen" in make_schema(sample, "brief", frame, options, 0).completion
    plain = make_schema(replace(sample, knowledge=()), "brief", frame, options, 0).completion
    assert f"{look} not seen" not in plain
    assert "not shown" in plain


def test_wrong_options_are_told():
    for changes in (
        {"styles": ("poem",)},
        {"styles": STYLES, "answer_formats": ("xml",)},
        {"styles": STYLES, "num_phrasings": 0},
    ):
        with pytest.raises(ConfigError):
            SchemaOptions(**changes)


def test_every_real_schema_in_every_style_earns_one(real_roots):
    samples = read_twitter_gmner(real_roots["v2"])[0]["train"]
    options, settings = SchemaOptions(styles=STYLES), frame_settings("qwen2_5_vl")
    for sample in samples:
        for style in STYLES:
            make_schema(sample, style, settings.frame_of(sample), options, seed=0)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "llava"])
def test_real_gold_earns_one_on_itself_in_every_format(real_roots, family):
    from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer

    settings = frame_settings(family)
    for sample in read_twitter_gmner(real_roots["v2"])[0]["test"]:
        frame = settings.frame_of(sample)
        gold = rounded_gold(sample.entities, frame)
        written = [entity.in_frame(frame) for entity in sample.entities]
        for answer_format in ANSWER_FORMATS:
            for order in ORDERS:
                text = write_answer(written, answer_format, order=order)
                assert score_completion(f"<answer>\n{text}\n</answer>", gold, frame=frame).total == 1.0, (sample.id, text)


def test_the_split_follows_from_id_and_seed_alone():
    ids = [str(number) for number in range(2000)]
    held = {one for one in ids if is_held_back(one, 0.3, seed=0)}
    assert 0.27 < len(held) / len(ids) < 0.33
    assert held < {one for one in ids if is_held_back(one, 0.5, seed=0)}
    assert held != {one for one in ids if is_held_back(one, 0.3, seed=1)}
    assert not any(is_held_back(one, 0.0, seed=0) for one in ids)
    assert all(is_held_back(one, 1.0, seed=0) for one in ids)


def written(tmp_path, *flags):
    """Return the rows of D1 and D2 of the world."""
    write_samples(tmp_path / "s.jsonl", WORLD)
    write_schemas.main(["--samples", str(tmp_path / "s.jsonl"), "--family", "qwen3_vl", "--output_dir", str(tmp_path), *flags])
    return [pq.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("d1", "d2")]


def test_schemas_speak_of_knowledge_that_a_file_holds(tmp_path):
    """The file that RiVEG's and VKEL's commands write and read."""
    shown = [(one, entity) for one in WORLD for entity in one.entities if entity.boxes is None]
    write_knowledge(tmp_path / "k.jsonl", [Knowledge(one.id, f"somebody of {one.id}", "m", e.text, e.type) for one, e in shown])
    d1, d2 = written(tmp_path, "--knowledge", str(tmp_path / "k.jsonl"))
    spoken = {row["sample_id"] for row in d1 + d2 if f"somebody of {row['sample_id']}" in row["completion"][0]["content"]}
    assert spoken
    assert spoken <= {one.id for one, _ in shown}
    write_knowledge(tmp_path / "k.jsonl", [Knowledge("other", "x", "m", "Ann", "PER")])
    with pytest.raises(DataError, match="says nothing of any entity"):
        written(tmp_path, "--knowledge", str(tmp_path / "k.jsonl"))


def test_a_split_by_sample_leaks_no_sample_and_a_split_by_schema_divides_them(tmp_path):
    """MCR 4.1: D2 is D_R without D1. Both hold schemas."""
    by_sample, by_schema = (written(tmp_path, "--split", split) for split in ("sample", "schema"))
    for d1, d2 in (by_sample, by_schema):
        assert len(d1) + len(d2) == 2 * len(WORLD)
        assert all(row["completion"] and row["style"] and row["route"] for row in (*d1, *d2))
    ids = [[{row["sample_id"] for row in rows} for rows in split] for split in (by_sample, by_schema)]
    assert not ids[0][0] & ids[0][1]
    assert ids[1][0] & ids[1][1]
    keys = [{(row["sample_id"], row["style"]) for row in rows} for rows in by_schema]
    assert not keys[0] & keys[1]
    everything = [
        sorted((row["sample_id"], row["style"], str(row["completion"])) for row in (*d1, *d2))
        for d1, d2 in (by_sample, by_schema)
    ]
    assert everything[0] == everything[1]


def test_all_of_d_r_can_go_to_cvo(tmp_path):
    """MCR Table 3, w/o MRSI: CVO on D_R from the base model."""
    d1, d2 = written(tmp_path, "--d2_share", "1")
    assert (len(d1), len(d2)) == (0, 2 * len(WORLD))


def test_rows_of_one_prompt_share_its_id(tmp_path):
    for instruction, num in (("route", 2 * len(WORLD)), ("common", len(WORLD))):
        rows = [row for part in written(tmp_path, "--instruction", instruction) for row in part]
        prompts = {row["prompt_id"]: str(row["prompt"]) for row in rows}
        assert len(prompts) == num
        assert all(prompts[row["prompt_id"]] == str(row["prompt"]) for row in rows)


def test_a_single_style_is_one_style_format_order_and_phrasing(tmp_path):
    """MCR Table 3, w/o D_R."""
    rows = [row for part in written(tmp_path, "--single_style", "steps_text_first") for row in part]
    assert {(row["style"], row["route"]) for row in rows} == {("steps_text_first", "text_first")}
    assert len(rows) == len(WORLD)
    texts = [row["completion"][0]["content"] for row in rows]
    assert all(text.startswith("<think>\nNames: ") for text in texts)
    for row, text in zip(rows, texts, strict=True):
        lines = text.split("<answer>\n")[1].split("\n</answer>")[0].splitlines()
        named = [f"{entity['text']} | {entity['type']} | " for entity in row["gold"]]
        assert all(line.startswith(begin) for line, begin in zip(lines, named or ["None"], strict=True))


def test_the_output_does_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    write_samples(tmp_path / "s.jsonl", WORLD)
    monkeypatch.setattr(template_sets, "CHUNK", 7)
    flags = ["--samples", str(tmp_path / "s.jsonl"), "--family", "qwen3_vl", "--per_sample", "2"]
    for number in (1, 2):
        write_schemas.main([*flags, "--output_dir", str(tmp_path / str(number)), "--num_processes", str(number)])
    for name in ("d1", "d2"):
        once, twice = (pq.read_table(tmp_path / number / f"{name}.parquet") for number in "12")
        assert once.equals(twice)
    assert (tmp_path / "1" / "summary.json").read_text() == (tmp_path / "2" / "summary.json").read_text()


def test_the_prompt_shows_the_types_of_the_dataset_and_others_are_refused(tmp_path):
    fine = replace(WORLD[0], dataset="twitter-fmnerg", entities=tuple(replace(e, type="city") for e in WORLD[0].entities))
    write_samples(tmp_path / "s.jsonl", [fine])
    flags = [
        "--samples",
        str(tmp_path / "s.jsonl"),
        "--family",
        "qwen3_vl",
        "--d2_share",
        "0",
        "--output_dir",
        str(tmp_path / "out"),
    ]
    write_schemas.main(flags)
    (row, _) = pq.read_table(tmp_path / "out" / "d1.parquet").to_pylist()
    assert "athlete" in row["prompt"][0]["content"][-1]["text"]
    with pytest.raises(DataError, match=r"got 'city' .* Name the label set with --labels"):
        write_schemas.main([*flags, "--labels", "PER,LOC"])
    write_samples(tmp_path / "s.jsonl", [])
    with pytest.raises(DataError, match="holds no sample"):
        write_schemas.main(flags)


def test_schemas_that_cannot_be_written_leave_no_files_and_are_told(tmp_path):
    odd = replace(WORLD[0], id="odd", sentence="</answer>", entities=(Entity("</answer>", "PER", None),))
    write_samples(tmp_path / "s.jsonl", [odd])
    flags = [
        "--samples",
        str(tmp_path / "s.jsonl"),
        "--output_dir",
        str(tmp_path / "out"),
        "--family",
        "qwen3_vl",
        "--d2_share",
        "0",
    ]
    with pytest.raises(DataError, match="sample odd"):
        write_schemas.main(flags)
    assert not list((tmp_path / "out").iterdir())


def test_training_sets_on_disk(tmp_path):
    write_samples(tmp_path / "s.jsonl", WORLD)
    flags = [
        "--samples",
        str(tmp_path / "s.jsonl"),
        "--output_dir",
        str(tmp_path / "out"),
        "--family",
        "qwen3_vl",
        "--per_sample",
        "2",
    ]
    write_schemas.main(flags)
    d1, d2 = (pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist() for name in ("d1", "d2"))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert len(d1) == summary["d1_schemas"] == 2 * summary["d1_samples"]
    assert not {row["sample_id"] for row in d1} & {row["sample_id"] for row in d2}
    assert summary["rounding_cost"] == pytest.approx(0, abs=0.01)
    row = Random(0).choice(d1)
    assert row["prompt"][0]["content"][0]["type"] == "image"
    assert score_completion(row["completion"][0]["content"], row["gold"], frame=row["frame"]).total > 0.98


def test_prompts_carry_checks_and_cautions_unless_left_out(tmp_path):
    from mcr.prompts.settings import PromptSettings

    texts = {}
    for detail in ("full", "plain", "brief"):
        settings = PromptSettings(load_labels("PER,LOC"), frame_settings("qwen3_vl"), detail)
        settings.save(tmp_path)
        assert PromptSettings.load(tmp_path) == settings
        texts[detail] = settings.prompt_for(WORLD[1])[0]["content"][-1]["text"]
        assert WORLD[1].sentence in texts[detail]
    assert GMNER.checks in texts["full"]
    assert GMNER.caution in texts["full"]
    assert GMNER.checks not in texts["plain"]
    assert "PER, LOC" in texts["plain"]
    with pytest.raises(ConfigError, match="does not exist"):
        PromptSettings.load(tmp_path / "nowhere")


def test_a_system_of_one_style_writes_one_schema_a_sample_unless_told_otherwise(tmp_path):
    write_samples(tmp_path / "s.jsonl", WORLD[:3])
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "out", "--family", "qwen3_vl", "--system", "e2e_gmner"]
    flags = [*map(str, flags), "--d2_share", "0"]
    write_schemas.main(flags)
    assert pq.read_table(tmp_path / "out/d1.parquet").num_rows == 3
    with pytest.raises(ConfigError, match=r"^per_sample: got 2, expected 1 to 1, the number of styles\. Lower it\.$"):
        write_schemas.main([*flags, "--per_sample", "2"])
    with pytest.raises(ConfigError, match=r"^per_sample: got 0, expected at least 1; d2_share: got 2\.0, expected 0 to 1\."):
        write_schemas.main([*flags, "--d2_share", "2", "--per_sample", "0"])
    with pytest.raises(ConfigError, match=r"^num_processes: got 0, expected at least 1\."):
        write_schemas.main([*flags, "--num_processes", "0"])


@pytest.mark.parametrize(("flag", "value", "meant"), [("--styles", "breif", "brief"), ("--system", "e2e_gmnr", "e2e_gmner")])
def test_a_misspelled_choice_names_the_closest(tmp_path, flag, value, meant):
    write_samples(tmp_path / "s.jsonl", WORLD[:1])
    flags = ["--samples", str(tmp_path / "s.jsonl"), "--output_dir", str(tmp_path / "out"), "--family", "qwen3_vl"]
    with pytest.raises(ConfigError, match=rf"{value}'? \(did you mean {meant}\?\), expected"):
        write_schemas.main([*flags, flag, value])
