"""A plan without its hardware: the stand-ins for files that are not made."""

import json

from mcr.systems.dry_run import StandIns, needs_hardware, num_processes, write_steps
from mcr.systems.stages import PACKAGES, make_stage

CONFIG = PACKAGES / "recipes/configs/mcr/twitter_gmner_qwen2_5_vl_7b_sft.yaml"


def stages(work):
    sft = make_stage("sft", "", "sft", "--config", CONFIG, "--train_set", work / "d1.parquet", makes=[work / "model"])
    merge = make_stage("merge", "", "merge", "--model", work / "model", "--output_dir", work / "merged", makes=[work / "merged"])
    flags = ("--model_name_or_path", work / "merged", "--train_set", work / "d2.parquet")
    launch = PACKAGES / "launch/several_gpus.yaml"
    kept = make_stage("filter", "", "filter", *flags, makes=[work / "kept.parquet"], launch=launch)
    grpo = make_stage("grpo", "", "grpo", "--model_name_or_path", work / "merged", "--train_set", work / "kept.parquet")
    return [make_stage("schemas", "", "data_prep.write_schemas"), sft, merge, kept, grpo]


def test_a_model_is_stood_in_by_what_it_began_with_and_a_set_by_what_was_filtered(tmp_path):
    plan = stages(tmp_path)
    stand_ins = StandIns.of(plan)
    assert stand_ins.flags(plan[-1]) == [
        *("--model_name_or_path", "Qwen/Qwen2.5-VL-7B-Instruct"),
        *("--train_set", str(tmp_path / "d2.parquet")),
    ]


def test_recipes_need_hardware_and_modules_do_not(tmp_path):
    assert [needs_hardware(stage) for stage in stages(tmp_path)] == [False, True, True, True, True]


def test_steps_hold_what_the_hardware_would_run(tmp_path):
    plan = stages(tmp_path)
    write_steps(tmp_path / "plan.json", plan)
    steps = json.loads((tmp_path / "plan.json").read_text())
    assert [(step["recipe"], step["processes"]) for step in steps] == [("sft", 1), ("merge", 1), ("filter", 8), ("grpo", 1)]
    assert num_processes(plan[3]) == 8
