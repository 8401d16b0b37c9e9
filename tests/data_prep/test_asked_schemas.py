"""Schemas written by a model behind an endpoint, over real HTTP, by a server that misbehaves on purpose."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import yaml

pytest.importorskip("openai")
import pyarrow.parquet as pq
from odd_server import ODDITIES, odd_server
from PIL import Image

from data_prep import write_schemas
from data_prep.sandbox.drawing import draw
from data_prep.sandbox.task_worlds import world_sample
from data_prep.schemas.endpoint_writer import Outcome, Rejection
from data_prep.schemas.tally import Tally, estimate_tokens
from mcr.errors import ConfigError, McrError
from mcr.io.samples import write_samples
from mcr.records import Entity, ImageRef, Sample
from rewards import score_completion


def make_samples(num):
    image = (ImageRef("a.png", 100, 100),)
    return [
        Sample(
            str(n),
            "d",
            "gmner",
            f"Ann number{n} in Rome",
            image,
            (Entity("Ann", "PER", ((10, 10, 50, 50),)), Entity("Rome", "LOC", None)),
        )
        for n in range(num)
    ]


def text_of(body):
    message = body["messages"][0]["content"]
    return message if isinstance(message, str) else " ".join(part.get("text", "") for part in message)


def good_reply(body):
    """What a model that does as it is told writes."""
    answer = text_of(body).rsplit("<answer>", 1)[1].split("</answer>")[0]
    lines = [line.split(" | ") for line in answer.strip().splitlines() if " | " in line]
    said = [
        f"{name} is {'not visible in the image' if place == 'None' else f'seen in the image at {place}'}."
        for name, _, place in lines
    ]
    return " ".join(said) + f"\n<answer>{answer}</answer>"


def number_of(body):
    return int(text_of(body).split("number")[1].split()[0])


LLM_STYLES = ("llm_questions", "llm_conclusions")


def teachers_for(tmp_path, url, styles=LLM_STYLES, **more):
    """Write a teachers file with one teacher of all these styles."""
    path = tmp_path / "teachers.yaml"
    teacher = {"model": "m", "base_url": url, "max_concurrency": 16} | more
    path.write_text(yaml.safe_dump({"teachers": {"one": teacher}, "styles": {style: ["one"] for style in styles}}))
    return path


def flags_for(tmp_path, url, out="out", *more, styles=LLM_STYLES, **teacher):
    teachers = teachers_for(tmp_path, url, styles, **teacher)
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / out, "--family", "qwen3_vl", "--per_sample", 1]
    flags += ["--d2_share", 0, "--teachers", teachers, "--styles", ",".join(styles), "--answer_formats", "rows", "--fixed_order"]
    return [*map(str, flags), *more]


def rows_of(tmp_path, out="out"):
    return pq.read_table(tmp_path / out / "d1.parquet").to_pylist()


def rejected(tmp_path, out="out"):
    return [json.loads(line) for line in (tmp_path / out / "rejected_replies.jsonl").read_text().splitlines()]


def test_replies_that_pass_the_gate_are_schemas(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(20))
    with odd_server(good_reply) as server:
        write_schemas.main(flags_for(tmp_path, server.url, "out", "--per_sample", "2", price_in=1, price_out=2))
    rows = rows_of(tmp_path)
    assert Counter(row["style"] for row in rows) == {"llm_questions": 20, "llm_conclusions": 20}
    for row in rows:
        assert score_completion(row["completion"][0]["content"], row["gold"], frame=row["frame"]).total == 1.0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["prompt_tokens"], summary["completion_tokens"]) == (400, 200)
    assert summary["cost"] == pytest.approx((400 + 2 * 200) / 1e6, abs=1e-4)
    assert rejected(tmp_path) == []


def test_a_rejected_reply_is_asked_again_with_its_reason_then_the_template_takes_over(tmp_path, capsys):
    write_samples(tmp_path / "s.jsonl", make_samples(3))

    def answer(body):
        number, is_first = number_of(body), len(body["messages"]) == 1
        if number == 1 and is_first:
            return "The gold label says so. " + good_reply(body)
        return "Ann is a person." if number == 2 else good_reply(body)

    with odd_server(answer) as server:
        write_schemas.main(flags_for(tmp_path, server.url))
        asked = [json.loads(raw) for raw in server.asked]
    again = [body for body in asked if len(body["messages"]) == 3]
    assert any("giveaway" in str(body["messages"][2]) for body in again if number_of(body) == 1)
    styles = {row["sample_id"]: row["style"] for row in rows_of(tmp_path)}
    assert styles["0"].startswith("llm_")
    assert styles["1"].startswith("llm_")
    assert styles["2"] in ("question_answer", "brief")
    assert Counter(row["sample_id"] for row in rejected(tmp_path)) == {"1": 1, "2": 3}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["rejected_by_reason"] == {"answer": 3, "giveaway": 1}
    assert summary["templates_by_reason"] == {"answer": 1}
    assert summary["template_share"] == pytest.approx(1 / 3, abs=1e-4)
    warning = capsys.readouterr().err.splitlines()[-1]
    assert warning.startswith("warning: templates filled 1 of 3 schemas (33.3 %): answer 1. That is more than 10 %")
    assert "rejected_replies.jsonl" in warning


@pytest.mark.parametrize(("flags", "kinds"), [([], set()), (["--gate", "strict"], {"invented"})])
def test_the_gate_flag_chooses_the_level(tmp_path, capsys, flags, kinds):
    """The case of MCR's E.5: the image shows a logo that the text does not name."""
    write_samples(tmp_path / "s.jsonl", make_samples(1))
    with odd_server(lambda body: "The logo is of the NBA, a league of America. " + good_reply(body)) as server:
        write_schemas.main(flags_for(tmp_path, server.url, "out", *flags))
    assert {row["reason"].split(":")[0] for row in rejected(tmp_path)} == kinds
    assert rows_of(tmp_path)[0]["style"].startswith("llm_") != bool(kinds)
    assert ("warning: templates filled 1 of 1" in capsys.readouterr().err) == bool(kinds)


def outcomes(num, written_style, *reasons):
    rejections = tuple(Rejection("0", "s", 0, f"{reason}: y", "") for reason in reasons)
    return [Outcome(make_samples(1)[0], "llm_conclusions", "x", written_style, rejections)] * num


def test_the_share_of_templates_is_reported_by_the_last_reason():
    tally = Tally()
    for outcome in [*outcomes(588, "llm_conclusions", "invented"), *outcomes(300, "brief", "giveaway", "answer")]:
        tally.add(outcome)
    for outcome in [*outcomes(12, "brief", "giveaway"), *outcomes(100, "brief", "endpoint")]:
        tally.add(outcome)
    line = "templates filled 412 of 1,000 schemas (41.2 %): answer 300, endpoint 100, giveaway 12"
    assert tally.template_report().startswith(f"warning: {line}. That is more than 10 %")
    assert tally.summary()["template_share"] == 0.412


def test_a_tenth_of_templates_is_no_warning_and_no_schema_no_error():
    tally = Tally()
    assert tally.template_report() == "templates filled 0 of 0 schemas (0.0 %)"
    for outcome in [*outcomes(9, "llm_conclusions"), *outcomes(1, "brief", "box")]:
        tally.add(outcome)
    assert tally.template_report() == "templates filled 1 of 10 schemas (10.0 %): box 1"


def oddly(body, times):
    """Every third request fails at first, in some way; every fiftieth is refused for good."""
    number = number_of(body)
    if number % 50 == 49:
        return "400"
    return ODDITIES[number // 3 % len(ODDITIES)] if number % 3 == 0 and times == 1 else ""


@pytest.mark.recipe
def test_two_thousand_requests_through_a_bad_line_and_two_kills(tmp_path):
    num = 2000
    write_samples(tmp_path / "s.jsonl", make_samples(num))
    with odd_server(good_reply, oddly) as server:
        command = [sys.executable, "-m", "data_prep.write_schemas", *flags_for(tmp_path, server.url)]
        for share in (0.25, 0.6):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 120
            while len(server.asked) < share * num and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert not (tmp_path / "out" / "d1.parquet").exists()
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        well_answered = [times for raw, times in server.asked.items() if oddly(json.loads(raw), 2) == ""]
        in_flight = 2 * 16
        assert sum(times > 2 for times in well_answered) <= in_flight
        assert sum(times == 2 for times in well_answered) <= num / 3 + in_flight
    rows = rows_of(tmp_path)
    assert [row["sample_id"] for row in rows] == [str(n) for n in range(num)]
    templates = [row["sample_id"] for row in rows if not row["style"].startswith("llm_")]
    assert templates == [str(n) for n in range(num) if n % 50 == 49]
    assert sorted(row["sample_id"] for row in rejected(tmp_path)) == sorted(templates)
    assert {row["reason"].split(":")[0] for row in rejected(tmp_path)} == {"endpoint"}


def test_an_endpoint_that_is_gone_stops_the_run_and_nothing_is_left_half(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(60))
    with pytest.raises(McrError, match="20 samples in a row had no reply"):
        write_schemas.main(flags_for(tmp_path, "http://127.0.0.1:9/v1", "out", "--max_retries", "0"))
    assert not list((tmp_path / "out").glob("*.parquet*"))


def test_a_sample_that_fails_in_every_way_is_recorded_and_the_others_go_on(tmp_path):
    image = (ImageRef("a.png", 100, 100),)
    quoted = Sample("quoted", "d", "gmner", '"Star Wars" number7 now', image, (Entity('"Star Wars"', "OTHER", None),))
    odd = Sample("odd", "d", "gmner", "<think> number8 now", image, (Entity("<think>", "OTHER", None),))
    write_samples(tmp_path / "s.jsonl", [quoted, odd, *make_samples(2)])
    with odd_server(lambda body: good_reply(body) if number_of(body) < 7 else "nonsense") as server:
        formats = ["--answer_formats", "rows,json"]
        write_schemas.main(flags_for(tmp_path, server.url, "out", "--per_sample", "2", *formats))
    rows = rows_of(tmp_path)
    assert Counter(row["sample_id"] for row in rows) == {"quoted": 2, "0": 2, "1": 2}
    assert len({row["completion"][0]["content"] for row in rows if row["sample_id"] == "quoted"}) == 2
    assert {row["reason"].split(":")[0] for row in rejected(tmp_path) if row["sample_id"] == "odd"} == {"sample", "template"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["d1_schemas"], summary["unwritten"]) == (6, 2)


def test_a_missing_image_costs_its_sample_alone(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(2))
    with odd_server(good_reply) as server:
        write_schemas.main(flags_for(tmp_path, server.url, "out", "--image_root", str(tmp_path), styles=["mllm_distilled"]))
    assert {row["style"] for row in rows_of(tmp_path)} == {"narrative"}
    assert all(row["reason"].startswith("sample: image") for row in rejected(tmp_path))


def test_no_asks_are_refused(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(1))
    with pytest.raises(ConfigError, match="--max_asks: got 0"):
        write_schemas.main(flags_for(tmp_path, "http://127.0.0.1:9/v1", "out", "--max_asks", "0"))


def test_rows_are_written_in_groups(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(40))
    with odd_server(good_reply) as server:
        write_schemas.main(flags_for(tmp_path, server.url))
    assert pq.ParquetFile(tmp_path / "out" / "d1.parquet").num_row_groups == 1


def test_a_dry_run_tells_requests_and_tokens_and_asks_nothing(tmp_path, capsys):
    write_samples(tmp_path / "s.jsonl", make_samples(10))
    with odd_server(good_reply) as server:
        write_schemas.main(flags_for(tmp_path, server.url, "out", "--dry_run"))
        assert not server.asked
        before = json.loads(capsys.readouterr().out)
        write_schemas.main(flags_for(tmp_path, server.url))
        capsys.readouterr()
        write_schemas.main(flags_for(tmp_path, server.url, "out", "--dry_run"))
        after = json.loads(capsys.readouterr().out)
    assert (before["requests"], before["in the cache"], after["in the cache"]) == (10, 0, 10)
    assert 1000 < before["prompt tokens, about"] < 10_000


def test_an_mllm_sees_the_image(tmp_path):
    sample, scene = world_sample(1, "train", 0)
    write_samples(tmp_path / "s.jsonl", [sample])
    path = tmp_path / "images" / sample.images[0].path
    path.parent.mkdir(parents=True)
    draw(scene.drawn, scene.background, scene.image_px).save(path)
    with odd_server(good_reply) as server:
        image_root = ["--image_root", str(tmp_path / "images")]
        write_schemas.main(flags_for(tmp_path, server.url, "out", *image_root, styles=["mllm_distilled"]))
        (body,) = [json.loads(raw) for raw in server.asked]
    kinds = [part["type"] for part in body["messages"][0]["content"]]
    assert kinds == ["image_url", "text"]
    assert estimate_tokens(body["messages"]) > 1000
    assert rows_of(tmp_path)[0]["style"] == "mllm_distilled"


def test_what_is_missing_is_reported(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(1))
    flags = flags_for(tmp_path, "http://127.0.0.1:9/v1", styles=["mllm_distilled"])
    with pytest.raises(ConfigError, match="--image_root: teachers that see images"):
        write_schemas.main(flags)
    start = flags.index("--teachers")
    with pytest.raises(ConfigError, match="mllm_distilled need a teacher"):
        write_schemas.main(flags[:start] + flags[start + 2 :])


def five_routes(tmp_path, url, num, *more):
    """Write D_R of all five routes by templates and teachers; return its rows."""
    image = Image.new("RGB", (100, 100))
    image.save(tmp_path / "a.png")
    write_samples(tmp_path / "s.jsonl", make_samples(num))
    styles = ("llm_questions", "llm_conclusions", "mllm_distilled")
    flags = [
        "--samples",
        tmp_path / "s.jsonl",
        "--output_dir",
        tmp_path / "out",
        "--family",
        "qwen3_vl",
        "--image_root",
        tmp_path,
    ]
    write_schemas.main([*map(str, flags), "--teachers", str(teachers_for(tmp_path, url, styles)), *more])
    return [row for name in ("d1", "d2") for row in pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()]


def said_of_both(body):
    """A reply whose answer is copied, in whatever format and order it was given."""
    answer = text_of(body).rsplit("<answer>", 1)[1].split("</answer>")[0]
    return f"Ann is seen in the image at [100, 100, 500, 500]. Rome is not visible in the image.\n<answer>{answer}</answer>"


def test_one_run_writes_all_five_routes_in_all_orders(tmp_path):
    """MCR C.1 and C.2: each row has its route's instruction, marks and prompt; orders vary where teachers write, too."""
    with odd_server(said_of_both) as server:
        rows = five_routes(tmp_path, server.url, 60, "--answer_formats", "rows", "--per_sample", "5")
    routes = {"text_first", "image_first", "questions", "conclusions", "distilled"}
    assert Counter(row["route"] for row in rows) == dict.fromkeys(routes, 60)
    assert len({row["prompt"][0]["content"][-1]["text"].splitlines()[-1] for row in rows}) == 5
    for route in routes:
        answers = [answer_lines(row["completion"][0]["content"]) for row in rows if row["route"] == route]
        assert len({tuple(kind_of(part) for part in lines[0].split(" | ")) for lines in answers}) == 6, route
        assert len({"Rome" in lines[0] for lines in answers}) == 2, route
    for row in rows:
        text = row["completion"][0]["content"]
        assert text.startswith("<think>") == (row["route"] in ("text_first", "image_first", "distilled"))
        assert score_completion(text, row["gold"], frame=row["frame"]).total == 1.0


def answer_lines(completion):
    return completion.split("<answer>\n" if "<answer>" in completion else "Answer:\n")[1].split("\n</answer>")[0].splitlines()


def kind_of(part):
    return "type" if part in ("PER", "LOC") else "location" if part == "None" or part.startswith("[") else "text"


def test_several_teachers_of_a_style_share_its_samples(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(30))
    with odd_server(good_reply) as server:
        path = teachers_for(tmp_path, server.url)
        teachers = {name: {"model": name, "base_url": server.url} for name in ("a", "b")}
        path.write_text(yaml.safe_dump({"teachers": teachers, "styles": {"llm_questions": ["a", "b"], "llm_conclusions": ["a"]}}))
        flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "out", "--family", "qwen3_vl", "--teachers", path]
        fixed = ["--styles", "llm_questions,llm_conclusions", "--answer_formats", "rows", "--fixed_order", "--per_sample", "2"]
        write_schemas.main([*map(str, flags), *fixed])
        asked = Counter((json.loads(raw)["model"], "questions and answers" in text_of(json.loads(raw))) for raw in server.asked)
    assert asked["a", False] == 30
    assert asked["b", False] == 0
    assert asked["a", True] + asked["b", True] == 30
    assert min(asked["a", True], asked["b", True]) > 5


def test_faults_of_a_teachers_file_are_listed_at_once(tmp_path):
    write_samples(tmp_path / "s.jsonl", make_samples(1))
    path = teachers_for(tmp_path, "http://127.0.0.1:9/v1")
    rows = {"teachers": {"a": {"model": "m", "base_ur": "x"}, "b": {"model": "m", "base_url": 3, "max_concurency": 1}}}
    path.write_text(yaml.safe_dump(rows | {"styles": {"llm_question": ["a"], "llm_conclusions": ["c"]}, "style": 1}))
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "out", "--family", "qwen3_vl", "--teachers", path]
    with pytest.raises(ConfigError) as error:
        write_schemas.main(list(map(str, flags)))
    for fault in (
        "unknown key 'style' (did you mean styles?)",
        "teacher a: got {'base_ur': 'x', 'model': 'm'}, expected model and base_url",
        "teacher b: unknown key 'max_concurency' (did you mean max_concurrency?)",
        "base_url: got 3, expected a text",
        "style 'llm_question' (did you mean llm_questions?)",
        "no teacher is named 'c'",
    ):
        assert fault in str(error.value)


def test_two_part_reasoning_is_asked_in_the_format_and_with_the_boxes_wanted(tmp_path):
    boxes = ((10, 10, 50, 50), (60, 60, 90, 90))
    image = Image.new("RGB", (100, 100))
    image.save(tmp_path / "a.png")
    refs = (ImageRef("a.png", 100, 100),)
    write_samples(tmp_path / "s.jsonl", [Sample("1", "d", "gmner", "Ann", refs, (Entity("Ann", "PER", boxes),))])
    answer = "<answer>\nAnn|PER|[100, 100, 500, 500], [600, 600, 900, 900]\n</answer>"
    said = "<think>External Knowledge Analysis: Ann is a name of a person. Visual Cue Analysis: Ann is seen in the image.</think>"
    more = ["--image_root", str(tmp_path), "--all_boxes", "--answer_formats", "joined"]
    for reply, style in ((f"{said}\n{answer}", "mllm_knowledge_visual"), ("no", "knowledge_visual")):
        with odd_server(lambda body, reply=reply: reply) as server:
            write_schemas.main(flags_for(tmp_path, server.url, style, *more, styles=["mllm_knowledge_visual"]))
            assert any("two parts" in body and answer.replace("\n", "\\n") in body for body in server.asked)
        (row,) = rows_of(tmp_path, style)
        assert row["style"] == style
        assert row["completion"][0]["content"].endswith(answer)
        assert "Visual Cue Analysis" in row["completion"][0]["content"]


@pytest.mark.parametrize(
    ("flags", "reported"),
    [
        (["--styles", "breif"], "did you mean brief"),
        (["--styles", "mllm_distilled"], "mllm_distilled need a teacher"),
        (["--styles", "brief"], "none of brief is written by a teacher"),
        (["--styles", "llm_questions,answer_only"], "answer_only goes with no other style"),
        (["--num_processes", "2"], "--num_processes: changes nothing"),
        (["--answer_formats", "xml"], "expected some of rows"),
        (["--single_style", "llm_questions"], "--single_style: means one style"),
        (["--per_sample", "3"], "per_sample: got 3, expected 1 to 2"),
        (["--d2_share", "2"], "d2_share: got 2.0"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(tmp_path, flags, reported):
    write_samples(tmp_path / "s.jsonl", make_samples(1))
    with pytest.raises(ConfigError, match=reported):
        write_schemas.main(flags_for(tmp_path, "http://127.0.0.1:9/v1", "out", *flags))


def test_what_was_refused_is_asked_once_a_run_and_a_dry_run_goes_past_missing_images(tmp_path, capsys):
    write_samples(tmp_path / "s.jsonl", make_samples(3))
    with odd_server(good_reply, lambda body, times: "400" if number_of(body) == 1 else "") as server:
        for _ in range(2):
            write_schemas.main(flags_for(tmp_path, server.url))
        # Requests without the settings of servers only look whether those were the reason.
        assert sum(times for body, times in server.asked.items() if "top_k" in body) == 4
    (refused,) = rejected(tmp_path)
    assert "status 400" in refused["reason"]
    capsys.readouterr()
    write_schemas.main(flags_for(tmp_path, server.url, "out", "--dry_run"))
    assert json.loads(capsys.readouterr().out)["in the cache"] == 2
    more = ["--image_root", str(tmp_path), "--dry_run"]
    write_schemas.main(flags_for(tmp_path, server.url, "out", *more, styles=["mllm_distilled"]))
    assert json.loads(capsys.readouterr().out) == {"left to templates": 3}
