"""How well uncertainty tells wrong names and types from right ones on published tweets, without their images (UnCo Fig. 3).

    OMP_NUM_THREADS=1 python bench/uncertainty_on_text.py --on twitter --data_root FOLDER --seeds 0 1 2 --jobs 2

The flags are those of mcr reproduce; FOLDER is that of mcr/systems/riveg/text_runs.py. Two models are asked on the test split of
Twitter-GMNER: PLIM's tagger, by the marginals of its CRF, and UnCo's small model, a tiny one from scratch that sees no region;
each with ten passes of dropout and by its raw confidence.
"""

import sys
from functools import partial
from pathlib import Path

from mcr.errors import run_command
from mcr.metrics.scores import f1_of
from mcr.systems.riveg.text_runs import GMNER, TextVariant, plan_text, samples_folder
from mcr.systems.riveg.text_runs import SIZES as TEXT_SIZES
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import Column, Figure, Order, Row, RowPlan, Table, TableRun
from mcr.systems.unco.sandbox_runs import CONFIGS
from recipes import reproduce

NAME = "uncertainty-on-text"
POINTER = CONFIGS / "cpu_tiny_pointer.yaml"
TAGGER = TextVariant("minilm")
SIZES = {"minilm_epochs": TEXT_SIZES["minilm_epochs"], "pointer_epochs": 15}
ESTIMATES = {"mc_dropout": "MC dropout", "confidence": "raw confidence"}
AUROCS = {
    f"{part}{where}": f"AUROC of {part} uncertainty" if not where else f"AUROC of uncertainty, {part}{where}"
    for part in ("span", "type")
    for where in ("", ", seen", ", unseen")
}


def evaluate(run: TableRun, name: str, title: str, *flags: object, reads: list[Path]) -> RowPlan:
    """Return the plan of one evaluation on the test split, without the stages before it."""
    samples, out = samples_folder(run, GMNER), run.folder / "uncertainty" / name
    test, train = samples / "test.jsonl", samples / "train.jsonl"
    asked = (*flags, "--gold", test, "--train_samples", train, "--seed", run.seed, "--output_dir", out)
    makes = [out / "metrics.json", out / "counts.json"]
    stage = make_stage(run.name(f"uncertainty/{name}"), title, "evaluate", *asked, reads=[*reads, test, train], makes=makes)
    return RowPlan((stage,), {"mner": out})


def plan_tagger(estimate: str, run: TableRun) -> RowPlan:
    """Return the plan of PLIM's tagger, the one of RiVEG's Table VI, text only."""
    model = run.folder / "riveg" / TAGGER.name / GMNER.name / "tagger" / "model"
    before = [stage for stage in plan_text(TAGGER, (GMNER,), run).stages if not stage.name.endswith("/eval")]
    flags = ("--system", "riveg", "--riveg_tagger", model, "--riveg_uncertainty", estimate)
    plan = evaluate(run, f"tagger_{estimate}", f"evaluation: the tagger, {estimate}", *flags, reads=[model])
    return RowPlan((*before, *plan.stages), plan.evaluations)


def plan_pointer(estimate: str, run: TableRun) -> RowPlan:
    """Return the plan of UnCo's small model without regions."""
    samples, out = samples_folder(run, GMNER), run.folder / "uncertainty" / "pointer"
    before: list[Stage] = [stage for stage in plan_text(TAGGER, (GMNER,), run).stages if stage.name.startswith("text/")]
    train, dev, model = samples / "train.jsonl", samples / "dev.jsonl", out / "model"
    flags = ("--config", POINTER, "--train_samples", train, "--dev_samples", dev, "--output_dir", out)
    flags = (*flags, "--num_train_epochs", run.sizes["pointer_epochs"], "--seed", run.seed)
    name, title = run.name("uncertainty/pointer"), "a pointer model without regions"
    trained = make_stage(name, title, "pointer", *flags, reads=[train, dev], makes=[model])
    asked = ("--system", "unco", "--unco_model", model, "--unco_estimate", estimate)
    plan = evaluate(run, f"pointer_{estimate}", f"evaluation: the pointer model, {estimate}", *asked, reads=[model])
    return RowPlan((*before, trained, *plan.stages), plan.evaluations)


def make_table() -> Table:
    """Return the table: two models, two estimates each."""
    models = {"tagger": ("PLIM's tagger (MiniLM)", plan_tagger), "pointer": ("UnCo's small model (tiny BART)", plan_pointer)}
    rows = tuple(
        Row(f"uncertainty-{key}-{estimate.replace('_', '-')}", f"{title}, {shown}", partial(plan, estimate))
        for key, (title, plan) in models.items()
        for estimate, shown in ESTIMATES.items()
    )
    columns = (
        Column("MNER F1", "mner", f1_of("mner")),
        *(Column(f"AUROC {header}", "mner", Figure(name)) for header, name in AUROCS.items()),
    )
    orders = tuple(
        Order(f"{title}, raw confidence", f"{title}, MC dropout", f"AUROC {part}")
        for title, _ in models.values()
        for part in ("span", "type")
    )
    return Table("AUROC of uncertainty on Twitter-GMNER's text", columns, {"twitter": rows}, {"twitter": SIZES}, orders=orders)


def main() -> None:
    """Make the table."""
    reproduce.main([NAME, *sys.argv[1:]], {NAME: make_table()})


if __name__ == "__main__":
    run_command(main)
