"""The published configs against the papers: what a paper states by a table, everything else marked "our choice"."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")
from accelerate.commands.config.config_args import load_config_from_file
from config_headers import header_of
from test_config import CONFIGS, types_for
from transformers import TrainingArguments, get_scheduler

from mcr.runs.config import parse_settings

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = [path for path in dict.fromkeys(CONFIGS) if not path.stem.startswith(("sandbox", "cpu"))]
GRPO = [path for path in CONFIGS if path.stem.endswith("grpo")]
FILES = {"model_name_or_path", "train_set", "image_root", "output_dir", "held_out", "gold", "train_samples"}
FILES |= {"dev_samples", "encoder", "encoder_name_or_path", "knowledge", "dev_knowledge", "system"}
FILES |= {f"riveg_{name}" for name in ("tagger", "knowledge", "expansions_url", "expansions_model")}
FILES |= {"backbone", "vision_encoder", "regions", "dev_regions", "corrector", "family", "labels", "predictions", "samples"}
FILES |= {"unco_model", "unco_regions", "unco_vision_encoder"}
FILES |= {f"vkel_{name}" for name in ("names", "named", "places", "knowledge", "regions")}
FILES |= {f"riveg_{name}_model" for name in ("entailer", "grounder", "segmenter")}
SAMPLING = {"num_generations": 8, "temperature": 1.5, "top_k": 200, "top_p": 0.95, "use_vllm": True}
MRSI = r"(twitter_gmner|mix)_\w+_vl_7b(_single_style|_without_instruction|_without_cvo)?_sft"
# (which configs, paper and section, what it states)
TABLE = (
    (
        MRSI,
        "MCR E.4",
        {"gpus": 8, "samples_per_step": 16, "learning_rate": 1e-4, "lr_scheduler_type": "cosine", "use_peft": True},
    ),
    (rf"(?=.*qwen2_5){MRSI}", "MCR E.4", {"num_train_epochs": 2}),
    (rf"(?=.*mimo){MRSI}", "MCR E.4", {"num_train_epochs": 5}),
    (r"\w+_answer_only_sft", "MCR E.4", {"gpus": 8, "use_peft": True}),
    (r"\w+_filter", "MCR E.4", {"gpus": 8, **SAMPLING}),
    (r"\w+_filter", "MCR D.3", {"min_std": 0.1, "min_max": 0.8, "min_median": 0.08, "max_median": 0.6}),
    (
        r"\w+_grpo",
        "MCR E.4",
        {
            **{"gpus": 8, "completions_per_step": 64, "num_train_epochs": 2, "learning_rate": 5e-6, "warmup_ratio": 0.05},
            **{"epsilon": 0.15, "epsilon_high": 0.25, "beta": 0.005, "use_peft": True, **SAMPLING},
        },
    ),
    (r"\w+_grpo", "MCR Eq. 11", {"scale_rewards": "group"}),
    (
        r"\w+_grpo",
        "MCR Eq. 12",
        {"loss_type": "grpo", "importance_sampling_level": "token", "vllm_importance_sampling_correction": False},
    ),
    (r"(?!e2e|riveg|\w+unco|vkel)\w+_evaluate", "MCR E.4", {"use_vllm": True}),
    (r"\w+_7b_direct_evaluate", "MCR E.2", {"prompting": "direct"}),
    (r"\w+_7b_cot_evaluate", "MCR E.2", {"prompting": "cot"}),
    (r"\w+_7b_cot_3_shot_evaluate", "MCR E.2", {"prompting": "cot_demonstrations", "num_demonstrations": 3}),
    ("e2e_gmner_.*", "E2E-GMNER B", {"gpus": 1}),
    (
        "e2e_gmner_.*_sft",
        "E2E-GMNER B",
        {
            **{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8, "samples_per_step": 16},
            **{"optimizer": "AdamW", "learning_rate": 4e-5, "weight_decay": 1e-3, "max_sample_tokens": 2048, "use_peft": True},
        },
    ),
    ("e2e_gmner_.*_sft", "E2E-GMNER 4.7", {"grbp_beta": 0.03, "grbp_gamma": 0.03}),
    (r"twitter\w*_tagger", "RiVEG V-A 3", {"gpus": 1}),
    (r"twitter\w*_tagger", "RiVEG V-A 3 a", {"max_tokens": 256, "optimizer": "AdamW", "lr_scheduler_type": "linear"}),
    ("riveg_.*", "RiVEG V-A 3", {"gpus": 1}),
    ("riveg_ve_.*", "RiVEG V-A 3 b", {"learning_rate": 2e-5, "samples_per_step": 32, "num_train_epochs": 6}),
    ("riveg_vg_.*", "RiVEG V-A 3 c", {"learning_rate": 3e-5, "samples_per_step": 32, "num_train_epochs": 10}),
    ("riveg_twitter_gmner_evaluate", "RiVEG IV-A", {"iou_must_exceed": True}),
    ("riveg_twitter_gmner_evaluate", "RiVEG IV-B 2", {"riveg_form": "expression"}),
    ("riveg_twitter_gmner_evaluate", "RiVEG V-A 2", {"riveg_segmenter": "sam"}),
    ("twitter_bert_tagger", "RiVEG V-A 3 a", {"per_device_train_batch_size": 16, "learning_rate": 5e-5, "num_train_epochs": 20}),
    (r"twitter\w*_xlmr_tagger", "RiVEG V-A 3 a", {"per_device_train_batch_size": 4, "num_train_epochs": 25}),
    (
        r"twitter\w*_pointer",
        "UnCo B.1",
        {
            **{"gpus": 1, "top_k": 28, "optimizer": "AdamW", "learning_rate": 3e-5, "num_train_epochs": 30},
            "per_device_train_batch_size": 32,
        },
    ),
    (r"twitter\w*_pointer", "UnCo C.4", {"gamma": 0.6}),
    ("twitter_gmner_bart_pointer", "UnCo C.4", {"margin": 0.5}),
    ("twitter_fmnerg_bart_pointer", "UnCo C.4", {"margin": 0.3}),
    (r"twitter_\w+_unco_evaluate", "UnCo B.1", {"unco_top_k": 28, "unco_passes": 10}),
    (r"twitter_\w+_unco_evaluate", "UnCo Eq. 13", {"iou_must_exceed": True}),
    (r"twitter_\w+_correct", "UnCo B.1", {"temperature": 0.1}),
    ("twitter_fmnerg_correct", "UnCo B.1", {"thresholds": ["span=0.3", "type=0.2", "region=0.4"]}),
    ("twitter_gmner_correct", "UnCo 3.4", {"thresholds": ["span=0.4", "type=0.3", "region=0.5"]}),
    ("twitter_xlmr_tagger", "RiVEG V-A 3 a", {"learning_rate": 7e-6}),
    (r"vkel_\w+", "VKEL IV-D", {"gpus": 1}),
    (
        r"vkel_\w+_sft",
        "VKEL IV-D",
        {
            **{"num_train_epochs": 10, "samples_per_step": 30, "learning_rate": 2e-5, "optimizer": "AdamW"},
            **{"max_sample_tokens": 2048, "use_peft": True},
        },
    ),
    (r"vkel_llava_\w+_sft", "VKEL IV-D", {"lora_r": 8, "lora_alpha": 16}),
    (r"vkel_qwen2_5_vl_\w+_sft", "VKEL Table XI", {"lora_r": 4}),
    (r"vkel_(llava|qwen2_5_vl)(_names)?_evaluate", "VKEL IV-M", {"vkel_batch_size": 4}),
    (r"vkel_(llava|qwen2_5_vl)_evaluate", "VKEL IV-J 1", {"vkel_top_k": 5}),
    (r"vkel_(llava|qwen2_5_vl)_evaluate", "VKEL Eq. 13", {"iou_must_exceed": True}),
    ("twitter_2015_xlmr_tagger", "RiVEG V-A 3 a", {"learning_rate": 5e-6}),
)
# The keys of a config that a setting of the table follows from, where it is none itself.
FOLLOWS_FROM = {
    "samples_per_step": {"per_device_train_batch_size", "gradient_accumulation_steps"},
    "completions_per_step": {"per_device_train_batch_size", "gradient_accumulation_steps"},
    "warmup_ratio": {"warmup_steps"},
    "optimizer": {"optim"},
}
CASES = [
    (path, setting, value, section)
    for path in PUBLISHED
    for pattern, section, stated in TABLE
    if re.fullmatch(pattern, path.stem)
    for setting, value in stated.items()
]


def num_gpus(path: Path) -> int:
    (number,) = re.findall(r"^# GPUs: +(\d+)$", header_of(path), re.MULTILINE)
    return int(number)


@cache
def settings_of(path: Path) -> dict[str, Any]:
    """Return what the recipe reads from a config, and what follows from that and the header's number of GPUs."""
    trains = path.stem.endswith(("sft", "grpo", "tagger", "pointer"))
    flags = ["--config", str(path), *(["--use_cpu", "true"] if trains else [])]
    parsed = parse_settings(types_for(path.stem), flags)
    settings = {name: value for group in parsed for name, value in vars(group).items()} | {"gpus": num_gpus(path)}
    if trains:
        trainers = next(group for group in parsed if isinstance(group, TrainingArguments))
        rows = settings["gpus"] * settings["per_device_train_batch_size"] * settings["gradient_accumulation_steps"]
        settings |= {"samples_per_step": rows, "completions_per_step": rows}
        settings |= {"warmup_ratio": trainers.get_warmup_steps(640) / 640}
        settings |= {"optimizer": "AdamW" if settings["optim"].startswith("adamw") else settings["optim"]}
    return settings


def our_choices(text: str) -> set[str]:
    """Return the keys that a config marks: those below a line "# Our choice", up to an empty line, and single lines."""
    chosen: set[str] = set()
    for block in text.split("\n\n"):
        is_ours = False
        for line in block.splitlines():
            is_ours |= line.startswith("# Our choice")
            key = re.match(r"(\w+):", line)
            if key and (is_ours or "our choice" in line.partition("  #")[2]):
                chosen.add(key[1])
    return chosen


@pytest.mark.parametrize(
    ("path", "setting", "value", "section"), CASES, ids=[f"{path.stem}-{setting}" for path, setting, *_ in CASES]
)
def test_a_setting_is_the_papers(path, setting, value, section):
    assert settings_of(path)[setting] == value, section


def test_the_table_reaches_every_config():
    assert {path for path, *_ in CASES} == set(PUBLISHED)
    assert all(any(re.fullmatch(pattern, path.stem) for path in PUBLISHED) for pattern, *_ in TABLE)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_what_no_paper_states_and_nothing_else_is_marked_our_choice(path):
    text = path.read_text(encoding="utf-8")
    stated = {key for found, setting, *_ in CASES if found == path for key in FOLLOWS_FROM.get(setting, {setting})}
    assert our_choices(text) - FILES == set(yaml.safe_load(text)) - FILES - stated


def test_marks_hold_for_a_block_or_a_line():
    stated = "# MCR E.4\na: 1\nb: 2  # our choice: a reason\n# of c's parts one is our choice\nc: 3"
    ours = "# Our choice: both\nd: 4\n# a reason\ne: 5"
    assert our_choices(f"# a header\n\n{stated}\n\n{ours}\n\nf: 6") == {"b", "d", "e"}


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_the_launch_command_starts_a_process_for_each_gpu_of_the_header(path):
    (command,) = re.findall(r"^# Launch: +(.+)$", header_of(path), re.MULTILINE)
    config = re.search(r"--config_file (\S+)", command)
    assert num_gpus(path) == (load_config_from_file(str(ROOT / config[1])).num_processes if config else 1)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_config_cites_the_sections_that_state_its_settings(path):
    cited = set(re.findall(r"MCR (?:E\.4|D\.3)", path.read_text(encoding="utf-8")))
    assert cited == {section for found, *_, section in CASES if found == path and section in ("MCR E.4", "MCR D.3")}


def learning_rates(path: Path, num_steps: int) -> list[float]:
    """Return the learning rate of each step of a run, by the schedule that transformers makes of the settings."""
    settings = settings_of(path)
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=settings["learning_rate"])
    num_warmup = round(settings["warmup_ratio"] * num_steps)
    scheduler = get_scheduler(settings["lr_scheduler_type"], optimizer, num_warmup, num_steps)
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("model", ["qwen2_5", "mimo"])
def test_cvo_warms_up_for_a_twentieth_of_its_steps_and_mrsi_for_none(model):
    paths = [ROOT / f"recipes/configs/mcr/mix/mix_{model}_vl_7b_{recipe}.yaml" for recipe in ("sft", "grpo")]
    mrsi, cvo = (learning_rates(path, 1000) for path in paths)
    assert mrsi[0] == 1e-4
    assert mrsi[250] == pytest.approx(1e-4 * (2 + 2**0.5) / 4)  # (1 + cos(pi / 4)) / 2
    assert mrsi[500] == pytest.approx(0.5e-4)
    assert cvo[:2] == [0, pytest.approx(5e-6 / 50)]
    assert max(cvo) == cvo[50] == 5e-6
    assert cvo[-1] < 1e-10


@pytest.mark.parametrize("path", GRPO, ids=lambda path: path.stem)
def test_what_trl_adds_to_the_loss_by_default_is_switched_off_in_the_file(path):
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert settings["vllm_importance_sampling_correction"] is False
    assert settings["use_bias_correction_kl"] is False


@pytest.mark.parametrize("path", [path for path in GRPO if path in PUBLISHED], ids=lambda path: path.stem)
def test_a_step_of_cvo_holds_eight_prompts_whose_groups_are_whole(path):
    settings = settings_of(path)
    assert settings["completions_per_step"] == 8 * settings["num_generations"]
    assert settings["per_device_train_batch_size"] % settings["num_generations"] == 0


def test_docs_have_the_same_table():
    text = (ROOT / "docs/configs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .+ \| `(\w+)` \| (.+) \| ((?:MCR|E2E-GMNER|RiVEG|UnCo|VKEL) .+) \|$", text, re.MULTILINE)
    told = {(setting, str(yaml.safe_load(value)), section) for setting, value, section in rows}
    assert told == {(setting, str(value), section) for _, setting, value, section in CASES}
