"""evaluate.py through an endpoint and with the prompting baselines, report.py, pictures while training."""

import json

import pytest

pytest.importorskip("openai")
from odd_server import odd_server
from recipe_flags import grpo_flags, read_metrics, sft_flags

from mcr.io.samples import load_samples

pytestmark = pytest.mark.recipe


def text_of(message):
    content = message["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


@pytest.fixture
def gold_server(sandbox_qwen3):
    """An endpoint that knows every answer by its sentence, in thousandths, and fails every other first try."""
    from mcr.families import frame_settings
    from mcr.formats.answers import write_answer
    from mcr.records import Entity

    frame = frame_settings("qwen3_vl")
    answers = {}
    for sample in load_samples(sandbox_qwen3 / "data/test.jsonl"):
        boxes = frame.frame_of(sample)
        entities = [
            Entity(e.text, e.type, None if e.boxes is None else tuple(boxes.from_px(box) for box in e.boxes))
            for e in sample.entities
        ]
        answers[sample.sentence] = f"<think>known</think>\n<answer>\n{write_answer(entities, 'rows')}\n</answer>"

    def answer(body):
        sentence = text_of(body["messages"][-1]).rsplit("Text: ", 1)[1].splitlines()[0]
        return answers[sentence]

    with odd_server(answer, lambda body, times: "500" if times == 1 and len(str(body)) % 2 else "") as server:
        server.bodies = lambda: [json.loads(raw) for raw in server.asked]
        yield server


def flags_for(sandbox, server, out, *more):
    flags = ["--gold", sandbox / "data/test.jsonl", "--image_root", sandbox / "data", "--output_dir", out, "--num_resamples", 50]
    return [*flags, "--model_name_or_path", "known", "--base_url", server.url, "--family", "qwen3_vl", *more]


@pytest.mark.parametrize("prompting", ["direct", "cot", "cot_demonstrations"])
def test_an_endpoint_is_asked_by_each_baseline_and_scored(sandbox_qwen3, gold_server, recipe, tmp_path, prompting):
    more = ["--prompting", prompting, "--train_samples", sandbox_qwen3 / "data/train.jsonl"]
    recipe("evaluate", *flags_for(sandbox_qwen3, gold_server, tmp_path, *more))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["gmner"]["f1"] == metrics["mner"]["f1"] == 1
    assert "seen" in metrics
    body = gold_server.bodies()[0]
    images = [part for message in body["messages"] if isinstance(message["content"], list) for part in message["content"]]
    num_images = sum(part["type"] == "image_url" for part in images)
    assert num_images == (4 if prompting == "cot_demonstrations" else 1)
    assert body["temperature"] == 0
    asked = sum(gold_server.asked.values())
    recipe("evaluate", *flags_for(sandbox_qwen3, gold_server, tmp_path, *more))
    assert sum(gold_server.asked.values()) == asked
    changed = flags_for(sandbox_qwen3, gold_server, tmp_path, *more, "--max_new_tokens", 9)
    assert "other settings (max_new_tokens: 512 there, 9 here;" in recipe("evaluate", *changed, check=False).stderr


def test_a_local_model_can_be_asked_with_demonstrations(sandbox_qwen3, recipe, tmp_path):
    flags = ["--gold", sandbox_qwen3 / "data/test.jsonl", "--image_root", sandbox_qwen3 / "data", "--output_dir", tmp_path]
    flags += ["--model_name_or_path", sandbox_qwen3 / "start", "--family", "qwen3_vl", "--num_resamples", 10]
    flags += [
        "--prompting",
        "cot_demonstrations",
        "--train_samples",
        sandbox_qwen3 / "data/train.jsonl",
        "--num_demonstrations",
        2,
    ]
    recipe("evaluate", *flags, "--max_new_tokens", 8)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["num_samples"], metrics["num_missing"], metrics["num_unreadable"]) == (7, 0, 7)


def test_a_server_that_goes_away_ends_the_run_in_words_and_once_back_only_the_rest_is_asked(
    sandbox_qwen3, gold_server, recipe, tmp_path
):
    whole, left = tmp_path / "whole", tmp_path / "left"
    more = ["--prompting", "direct", "--batch_size", 2, "--max_concurrency", 1]
    recipe("evaluate", *flags_for(sandbox_qwen3, gold_server, whole, *more))
    gold_server.asked.clear()
    usual, gold_server.oddity = gold_server.oddity, lambda body, times: "" if len(gold_server.asked) <= 3 else "close"
    failed = recipe("evaluate", *flags_for(sandbox_qwen3, gold_server, left, *more), check=False)
    assert failed.returncode
    assert "Traceback" not in failed.stderr
    assert "The same command asks for what is missing." in failed.stderr
    answered = {body for body, times in gold_server.asked.items() if times == 1}
    gold_server.oddity = usual
    done = recipe("evaluate", *flags_for(sandbox_qwen3, gold_server, left, *more))
    assert "resuming from 2 of 7 predictions" in done.stdout
    assert all(gold_server.asked[body] == 1 for body in answered)
    assert json.loads((left / "metrics.json").read_text()) == json.loads((whole / "metrics.json").read_text())


def test_a_baseline_needs_a_family_and_demonstrations_samples(sandbox_qwen3, gold_server, recipe, tmp_path):
    flags = flags_for(sandbox_qwen3, gold_server, tmp_path, "--prompting", "cot_demonstrations")
    assert "needs --train_samples" in recipe("evaluate", *flags, check=False).stderr


def test_pictures_of_held_out_samples_reach_the_run_folder_and_tensorboard(sandbox_qwen3, recipe, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    watched = [
        "--held_out",
        sandbox_qwen3 / "data/dev.jsonl",
        "--held_out_steps",
        1,
        "--held_out_size",
        2,
        "--held_out_tokens",
        8,
    ]
    recipe("sft", *sft_flags(sandbox_qwen3, tmp_path, "--max_steps", 2, *watched, "--report_to", "tensorboard"))
    assert [path.name for path in sorted((tmp_path / "held_out").iterdir())] == [f"step-00000{step}.png" for step in (0, 1, 2)]
    assert [row["step"] for row in read_metrics(tmp_path) if "held_out/n_f1" in row] == [0, 1, 2]
    events = next(tmp_path.glob("**/events.out.tfevents*"))
    found = accumulator.EventAccumulator(str(events.parent), size_guidance={"images": 0})
    found.Reload()
    assert [event.step for event in found.Images("held_out/samples")] == [0, 1, 2]
    assert "train/held_out/gmner_f1" in found.Tags()["scalars"]
    assert (tmp_path / "curves.png").is_file()


def test_the_page_of_a_run_shows_curves_statistics_and_settings(sandbox_qwen3, recipe, tmp_path):
    recipe("sft", *sft_flags(sandbox_qwen3, tmp_path / "mrsi", "--max_steps", 2))
    sandbox_flags = grpo_flags(sandbox_qwen3, tmp_path / "cvo", "--model_name_or_path", tmp_path / "mrsi/model")
    recipe("grpo", *sandbox_flags)
    recipe("report", tmp_path)
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    for wanted in ("sft, seed", "grpo, seed", "span reward", "groups without spread", "learning_rate", "data:image/png"):
        assert wanted in page
    assert page.index("sft, seed") < page.index("grpo, seed")
    assert "holds no run.json" in recipe("report", tmp_path / "nothing", check=False).stderr


def test_what_is_missing_is_told_where_the_figures_are(recipe, sandbox_qwen3, tmp_path):
    (tmp_path / "none.jsonl").touch()
    flags = ["--gold", sandbox_qwen3 / "data/test.jsonl", "--num_resamples", 10]
    out = tmp_path / "out"
    done = recipe("evaluate", *flags, "--output_dir", out, "--predictions", tmp_path / "none.jsonl")
    assert "have no prediction and count as empty" in done.stdout
    assert (
        "have no prediction"
        in recipe("compare", tmp_path / "none.jsonl", tmp_path / "none.jsonl", *flags, "--output_dir", out).stdout
    )
    wrong = recipe(
        "evaluate",
        *flags,
        "--output_dir",
        out,
        "--predictions",
        tmp_path / "none.jsonl",
        "--image_root",
        tmp_path / "no",
        check=False,
    )
    assert "is no folder" in wrong.stderr
