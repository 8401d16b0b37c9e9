"""How each row of MCR's tables is made: which schemas, which training, which evaluations."""

from collections.abc import Callable
from functools import partial

from mcr.systems.mcr.kit import Kit, Model, TrainingSets
from mcr.systems.mcr.sandbox_kit import SandboxKit
from mcr.systems.mcr.twitter_kit import TwitterKit
from mcr.systems.tables import ComparedCases, RowPlan, TableRun

ALL_FORMS = ("--formats", "all")  # no schema has taught the base model a form of answers
ANSWERS = ("--single_style", "answer_only")
OTHER_TASKS = ("mner_mi", "grec_testA", "grec_testB")
Plan = Callable[[TableRun], RowPlan]


def kit_of(run: TableRun, base: str) -> Kit:
    """Return the kit of a platform; `base` names the model of the published run."""
    return SandboxKit(run) if run.platform == "sandbox" else TwitterKit(run, base)


def multi_style(kit: Kit) -> TrainingSets:
    """Return D1 and D2 of D_R."""
    return kit.schemas("mcr")


def sft(kit: Kit) -> Model:
    """Return Table 1's baseline: fine-tuned on answers alone, on the GMNER training data (E.2)."""
    return kit.sft("answer_only", kit.schemas("answer_only", *ANSWERS, d2_share=0, source="gmner"))


def sft_on_mix(kit: Kit) -> Model:
    """Return Table 2's baseline. The paper does not state what it is trained on; the three datasets are our choice."""
    return kit.sft("mix_answer_only", kit.schemas("mix_answer_only", *ANSWERS, d2_share=0))


def mrsi(kit: Kit) -> Model:
    """Return the model after MRSI (Section 4.1)."""
    return kit.sft("mcr", multi_style(kit))


def mcr(kit: Kit) -> Model:
    """Return the model after MRSI and CVO (Section 4.2): the method."""
    return kit.cvo("mcr", mrsi(kit), multi_style(kit))


def without_mrsi(kit: Kit) -> Model:
    """Return the base model after CVO on the whole of D_R, unfiltered: the filter has no model to sample from (our choice)."""
    sets = kit.schemas("without_mrsi", d2_share=1)
    return kit.cvo("without_mrsi", kit.base, sets, *ALL_FORMS, is_filtered=False)


def without_cvo(kit: Kit) -> Model:
    """Return the model after MRSI that CVO's data fine-tune further."""
    return kit.sft_again("without_cvo", mrsi(kit), multi_style(kit))


def single_style(kit: Kit) -> Model:
    """Return the model after MRSI and CVO with one style of reasoning (w/o D_R)."""
    sets = kit.schemas("single_style", "--single_style", kit.style)
    return kit.cvo("single_style", kit.sft("single_style", sets), sets)


def without_instruction(kit: Kit) -> Model:
    """Return the model after MRSI and CVO whose prompt has neither stepwise checks nor cautions (w/o Inst)."""
    sets = kit.schemas("without_instruction", "--detail", "plain")
    return kit.cvo("without_instruction", kit.sft("without_instruction", sets), sets)


MODELS: dict[str, Callable[[Kit], Model]] = {
    "sft": sft,
    "sft_on_mix": sft_on_mix,
    "mrsi": mrsi,
    "mcr": mcr,
    "without_mrsi": without_mrsi,
    "without_cvo": without_cvo,
    "single_style": single_style,
    "without_instruction": without_instruction,
}


def plan_model(method: str, base: str, datasets: tuple[str, ...], run: TableRun) -> RowPlan:
    """Return the plan of a row that trains a model and evaluates it."""
    kit = kit_of(run, base)
    model = MODELS[method](kit)
    done = kit.evaluate(method, model, *datasets)
    return RowPlan(done.stages, done.folders, curves=model.run)


def plan_prompting(prompting: str, base: str, run: TableRun) -> RowPlan:
    """Return the plan of a row that asks the base model as it is."""
    kit = kit_of(run, base)
    done = kit.evaluate(prompting, kit.base, "gmner", prompting=prompting)
    return RowPlan(done.stages, done.folders)


def plan_cases(before: str, after: str, base: str, run: TableRun) -> RowPlan:
    """Return the plan of a page of cases: two models on the GMNER test samples, their evaluations named as the methods are."""
    kit = kit_of(run, base)
    both = {method: kit.evaluate(method, MODELS[method](kit), "gmner") for method in (before, after)}
    stages = tuple(dict.fromkeys(stage for one in both.values() for stage in one.stages))
    folders = {method: one.folders["gmner"] for method, one in both.items()}
    return RowPlan(stages, folders, cases=ComparedCases(before, after, kit.test(), kit.images()))


def trains(method: str, base: str, datasets: tuple[str, ...] = ("gmner",)) -> Plan:
    """Return what plans a row that trains."""
    return partial(plan_model, method, base, datasets)


def asks(prompting: str, base: str) -> Plan:
    """Return what plans a row that only asks."""
    return partial(plan_prompting, prompting, base)
