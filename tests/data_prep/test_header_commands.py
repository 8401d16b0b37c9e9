"""The commands of the published configs' headers, from files as published to training sets, in miniature; MCR's mix among them.

Schemas that need a teacher are written by templates alone, after the command itself was accepted with --dry_run.
"""

import gzip
import importlib
import json
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

pytest.importorskip("torch")
from config_headers import ROOT, field_of
from test_published_configs import PUBLISHED

from data_prep.schemas.teachers import read_teachers
from mcr.commands.registry import COMMANDS
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import Knowledge, write_knowledge
from mcr.systems.datasets import SANDBOX_CLIP

CONFIG = ROOT / "recipes/configs/mcr/mix/mix_qwen2_5_vl_7b_sft.yaml"
MIX = "data_prep/configs/mcr_mix.yaml"
MIX_DEV = "data_prep/configs/mcr_mix_dev.yaml"
SCALE = 200
FINE = {"PER": ("person", "athlete"), "LOC": ("location", "city")}
SIZE = (56, 84)
BOX = "<object><name>Ann Lee</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>50</ymax></bndbox></object>"
XML = f"<annotation><size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size>{BOX}</annotation>"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE).save(path)


def write_twitter(data, num, folder, tags):
    """Write Twitter-GMNER's folder, or FMNERG's; `tags` are the columns of PER and of LOC. FMNERG's tweets name their split."""
    tweet = "IMGID:{}\n" + "".join(
        f"{token}\t" + "\t".join(f"{letter}{tag}" if letter else "O" for tag in tags[kind]) + "\n"
        for token, letter, kind in (("Ann", "B-", "PER"), ("Lee", "I-", "PER"), ("in", "", "LOC"), ("Rome", "B-", "LOC"))
    )
    for split, size in (("train", num), ("dev", 2), ("test", 1)):
        ids = [f"{split}{index}" for index in range(size)]
        last = f"{split}\tO\tO\n" if tags is FINE else ""
        write(data / folder / f"{split}.txt", "".join(f"{tweet.format(name)}{last}\n" for name in ids))
        for name in ids:
            write_image(data / f"images/twitter/{name}.jpg")
            write((data / folder).parent / f"xml/{name}.xml", XML)


def write_twitter_gmner(data, num):
    write_twitter(data, num, "Twitter10000_v2.0/txt", {"PER": ("PER",), "LOC": ("LOC",)})
    write_twitter(data, 3, "Twitter10000v2/txt_fine", FINE)
    write(data / "riveg/owltraincaption_1.txt", "imgid:train0###a woman\nimgid:train1###a map\n")
    write_knowledge_of_tweets(data, num)


def write_knowledge_of_tweets(data, num):
    """Write what RiVEG and PGIM publish beside Twitter-GMNER and Twitter-2015, which has the same tweets here."""
    rows = "Ann\tB-PER\nLee\tI-PER\nin\tO\nRome\tB-LOC\n"
    block = f"{rows}<EOS>\tX\nAnn\tX\nsings\tX\n"
    with zipfile.ZipFile(data / "pgim_knowledge_2015.zip", "w") as archive:
        for split, size in (("train", num), ("valid", 2), ("test", 1)):
            (data / f"riveg_mner_noaugment_{split}.txt.gz").write_bytes(gzip.compress("\n".join([block] * size).encode()))
            tweets = "\n".join(f"IMGID:{split}{index}\n{rows}" for index in range(size))
            (data / f"twitter_2015_{split}.txt.gz").write_bytes(gzip.compress(tweets.encode()))
            archive.writestr(f"{split}.txt", "\n".join([block] * (size - 1)))
    for image in (data / "images/twitter").glob("*.jpg"):
        write_image(data / "images/twitter2015" / image.name.replace("dev", "valid"))


def write_regions_of_tweets(data):
    """Write VinVL's regions of the tweets' images, as published."""
    for image in (data / "images/twitter").glob("*.jpg"):
        path = data / "vinvl" / f"{image.name}.npz"
        path.parent.mkdir(exist_ok=True)
        boxes, numbers = np.array([[1.0, 2.0, 30.0, 50.0]]), {"num_boxes": 1, "image_h": SIZE[1], "image_w": SIZE[0]}
        np.savez(path, bounding_boxes=boxes, box_features=np.zeros((1, 8)), scores=[0.9], objects=["person"], **numbers)


def write_figer(data):
    """Write a sentence in FIGER's form with its candidate image."""
    mention = {"start": 0, "end": 2, "labels": ["/person/actor"]}
    write(data / "figer/train.json", json.dumps({"tokens": ["Ann", "Lee", "sings"], "mentions": [mention]}) + "\n")
    write(data / "figer/candidates.jsonl", json.dumps({"id": "figer-000001", "images": ["synthetic/a.jpg"]}) + "\n")
    write_image(data / "images/twitter/synthetic/a.jpg")


def write_mner_mi(data, num):
    for split, size in (("train", num), ("val", 2), ("test", 1)):
        rows = []
        for index in range(size):
            images = [f"{split}{index}_{image}.jpg" for image in range(1 + index % 4)]
            row = {"id": f"{split}{index}", "text": ["hi", "Ann", "Lee"], "label": ["O", "B-PER", "I-PER"], "url": ""}
            rows.append(json.dumps(row | {"images": images}))
            for image in images:
                write_image(data / f"images/mner_mi/{image}")
        write(data / f"MNER-MI/text/MNER-MI_{split}.txt", "\n".join(rows) + "\n")


def write_grefcoco(data, num):
    name = "COCO_train2014_000000000007"
    splits = ["train"] * num + ["val"] * 2 + ["testA", "testB"]
    refs = []
    for index, split in enumerate(splits):
        sentences = [{"sent": f"man number {index}", "sent_id": index}]
        ref = {"ref_id": index, "image_id": 7, "file_name": f"{name}_3.jpg", "sentences": sentences}
        refs.append(ref | {"split": split, "ann_id": [3] if index % 3 else [-1]})
    write(data / "gRefCOCO/grefs(unc).json", json.dumps(refs))
    images = [{"id": 7, "width": SIZE[0], "height": SIZE[1]}]
    instances = {"images": images, "annotations": [{"id": 3, "bbox": [1, 2, 30, 40]}]}
    write(data / "gRefCOCO/instances.json", json.dumps(instances))
    write_image(data / f"images/train2014/{name}.jpg")


def write_small_config(name, nums, root):
    """Copy a mix's config with other numbers of samples."""
    config = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    for source, num in zip(config["sources"], nums, strict=True):
        source["num"] = num
    write(root / name, yaml.safe_dump(config))


def run(line):
    """Run a command of a header in this process."""
    _, name, *words = shlex.split(line)
    main = importlib.import_module(next(one.module for one in COMMANDS if one.name == name)).main
    for flag, value in (REPLACED.get(name, {}) | (DETECTOR if "detector" in words else {})).items():
        words = with_flag(words, flag, value)
    if name in ("ask-knowledge", "ask-appearance"):
        main([*words, "--dry_run"])
        samples, made = (Path(words[words.index(flag) + 1]) for flag in ("--samples", "--output"))
        known = [Knowledge(one.id, "a singer", "llm", e.text, e.type) for one in load_samples(samples) for e in one.entities]
        write_knowledge(made, known)
        return
    if "--teachers" in words:
        main([*words, "--dry_run"])
        at = words.index("--teachers")
        words[at : at + 2] = []
        words = [ASKED_BY_TEMPLATE.get(word, word) for word in words]
    main(words)


# What stands in for weights, for the predictions of a model that was not trained, and for a bound on a CLIP's cosines.
DETECTOR = {"--proposer": "components", "--model": None}
REPLACED = {"ask-appearance": {"--predictions": None}, "pair-images": {"--clip": str(SANDBOX_CLIP), "--min_cosine": "-1"}}


def with_flag(words, flag, value):
    """Return words with another value of a flag, or without the flag."""
    if flag in words:
        at = words.index(flag)
        words = [*words[:at], *words[at + 2 :]]
    return words if value is None else [*words, flag, value]


ASKED_BY_TEMPLATE = {"mllm_knowledge_visual": "knowledge_visual"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder `data` after all commands of all headers, and the number of samples of each task in the mix."""
    root = tmp_path_factory.mktemp("mix")
    sources = yaml.safe_load((ROOT / MIX).read_text(encoding="utf-8"))["sources"]
    nums = [source["num"] // SCALE for source in sources]
    for write_published, num in zip((write_twitter_gmner, write_mner_mi, write_grefcoco), nums, strict=True):
        write_published(root / "data", num + 3)
    write_regions_of_tweets(root / "data")
    write_figer(root / "data")
    write_small_config(MIX, nums, root)
    write_small_config(MIX_DEV, (2, 2, 2), root)
    for path in (*ROOT.glob("data_prep/configs/*_teachers.yaml"), *ROOT.glob("mcr/systems/*/configs/teachers/*.yaml")):
        write(root / path.relative_to(ROOT), path.read_text(encoding="utf-8"))
    lines = [line for path in (CONFIG, *PUBLISHED) for line in field_of(path, "Data")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for line in dict.fromkeys(lines):
            if not line.startswith("mcr merge "):
                run(line)
    return root / "data", dict(zip(("gmner", "mner", "vg"), nums, strict=True))


def tasks_of(path):
    return pq.read_table(path, columns=["task"])["task"].to_pylist()


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_headers_make_the_data_that_a_config_reads(data, path):
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = [settings[name] for name in ("train_set", "held_out", "gold", "train_samples") if name in settings]
    assert not [file for file in files if file.startswith("data/") and not (data[0].parent / file).is_file()]


def test_the_mix_keeps_all_images_and_captions(data):
    folder, nums = data
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    samples = load_samples(folder / "mcr_mix/train.jsonl")
    assert len(samples) == sum(nums.values())
    for sample in samples:
        assert all((folder.parent / settings["image_root"] / image.path).is_file() for image in sample.images)
    assert {len(sample.images) for sample in samples if sample.task.name == "mner"} == {1, 2, 3, 4}
    assert {sample.captions for sample in samples} - {()} <= {("a woman",), ("a map",)}
    assert any(sample.captions for sample in samples)


def test_every_task_is_in_d1_and_in_d2(data):
    folder, nums = data
    for name in ("d1", "d2"):
        assert set(tasks_of(folder / f"mcr_mix/schemas/{name}.parquet")) == set(nums)


def test_d_r_holds_two_schemas_a_sample(data):
    """With Table 5's numbers of samples these are the 55,712 of MCR E.1."""
    folder, nums = data
    tasks = [task for name in ("d1", "d2") for task in tasks_of(folder / f"mcr_mix/schemas/{name}.parquet")]
    assert {task: tasks.count(task) for task in nums} == {task: 2 * num for task, num in nums.items()}


def test_the_answer_only_sets_ask_for_no_reasoning(data):
    for folder in ("schemas_answer_only", "mcr_mix/answer_only"):
        rows = pq.read_table(data[0] / folder / "d1.parquet").to_pylist()
        assert rows
        assert {row["style"] for row in rows} == {"answer_only"}
        assert not [row for row in rows if "reason" in row["prompt"][0]["content"][-1]["text"].lower()]
        assert not [row for row in rows if "think" in row["completion"][0]["content"]]
        assert not tasks_of(data[0] / folder / "d2.parquet")


def test_without_mrsi_all_of_d_r_goes_to_cvo_and_without_cvo_its_data_have_schemas(data):
    folder, nums = data
    assert len(tasks_of(folder / "mcr_mix/whole/d2.parquet")) == 2 * sum(nums.values())
    assert not tasks_of(folder / "mcr_mix/whole/d1.parquet")
    assert all(row["completion"] for row in pq.read_table(folder / "mcr_mix/schemas/d2.parquet").to_pylist())


def test_ablations_hold_back_the_same_samples(data):
    folder, _ = data
    held_back = [
        set(pq.read_table(folder / f"mcr_mix/{name}/d2.parquet")["sample_id"].to_pylist())
        for name in ("schemas", "single_style", "without_instruction")
    ]
    assert held_back[0] == held_back[1] == held_back[2]


def test_a_single_style_is_one_style_and_one_prompt_and_plain_prompts_have_no_checks(data):
    folder, _ = data
    single = pq.read_table(folder / "mcr_mix/single_style/d1.parquet")
    assert set(single["style"].to_pylist()) == {"steps_text_first"}
    for name, has_checks in (("schemas", True), ("without_instruction", False)):
        rows = pq.read_table(folder / f"mcr_mix/{name}/d1.parquet").to_pylist()
        prompts = [row["prompt"][0]["content"][-1]["text"] for row in rows]
        assert {("Check step by step" in prompt, "Caution" in prompt) for prompt in prompts} == {(has_checks, has_checks)}


def test_teachers_are_the_papers():
    """MCR E.4 names DeepSeek, Qwen2.5-VL-72B and Qwen3-VL-30B-A3B; E2E-GMNER's Table 3 compares three teachers."""
    teachers = read_teachers(ROOT / "data_prep/configs/mcr_teachers.yaml")
    models = {style: [teachers.by_name[name].model for name in names] for style, names in teachers.styles.items()}
    assert models == {
        "llm_questions": ["deepseek-chat"],
        "llm_conclusions": ["deepseek-chat"],
        "mllm_distilled": ["Qwen/Qwen2.5-VL-72B-Instruct", "Qwen/Qwen3-VL-30B-A3B-Instruct"],
    }
    files = sorted((ROOT / "mcr/systems/e2e_gmner/configs/teachers").glob("*.yaml"))
    compared = [read_teachers(path) for path in files]
    assert [[one.model for one in teachers.by_name.values()] for teachers in compared] == [
        ["gpt-4o"],
        ["Qwen/Qwen2.5-VL-72B-Instruct"],
        ["Qwen/Qwen2.5-VL-7B-Instruct"],
    ]
    assert all(teachers.styles == {"mllm_knowledge_visual": (path.stem,)} for path, teachers in zip(files, compared, strict=True))
