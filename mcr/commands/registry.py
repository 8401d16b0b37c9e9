"""The commands of `mcr`: one line each. A new command is one more line here and a module with a `main(argv)`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: what follows `mcr`.
        module: whose `main` runs it.
        summary: its line in `mcr --help`.
        extra: of the package that it needs; "" where Python alone is enough.
        words: that its `main` reads before the flags.
    """

    name: str
    module: str
    summary: str
    extra: str = ""
    words: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """What its help calls it."""
        return "mcr" if self.words else f"mcr {self.name}"


COMMANDS = (
    Command("score", "mcr.commands.score_predictions", "score predictions against gold; numbers alone"),
    Command("explain", "rewards.__main__", "show why a completion earned its reward", words=("explain",)),
    Command("doctor", "mcr.commands.doctor", "check a config before its run: would it fail?", "train"),
    Command("build-samples", "data_prep.build_samples", "published annotations to samples.jsonl", "train"),
    Command("write-schemas", "data_prep.write_schemas", "samples to training sets with reasoning schemas", "train"),
    Command("describe-images", "data_prep.describe_images", "add captions and a detector's regions to samples", "train"),
    Command("mix-samples", "data_prep.mix_samples", "draw one set of samples from several sources", "train"),
    Command("make-sandbox", "data_prep.make_sandbox", "write the sandbox world, which needs no download", "train"),
    Command("serve-sandbox", "data_prep.serve_sandbox", "serve the sandbox's scripted LLM, a teacher without weights", "train"),
    Command("with-sandbox-llm", "mcr.commands.with_sandbox_llm", "run a command beside the sandbox's scripted LLM", "train"),
    Command("sandbox-base", "recipes.sandbox_base", "train the sandbox's base model anew", "train"),
    Command("sandbox-clip", "recipes.sandbox_clip", "train the sandbox's CLIP anew", "train"),
    Command("read-knowledge", "data_prep.knowledge.read_knowledge", "published knowledge to knowledge.jsonl", "train"),
    Command("ask-knowledge", "data_prep.knowledge.ask_knowledge", "ask a language model about samples or entities", "train"),
    Command("ask-appearance", "data_prep.knowledge.ask_appearance", "ask several language models for entities' looks", "train"),
    Command("shuffle-knowledge", "data_prep.knowledge.shuffle_knowledge", "give samples each other's knowledge", "train"),
    Command("write-staged", "data_prep.staged_sets", "VKEL: training sets of its two stages", "train"),
    Command("pair-images", "data_prep.pair_images", "VKEL: give sentences the image that fits them best", "train"),
    Command("build-phrases", "data_prep.build_phrases", "entities to phrases for visual entailment and grounding", "train"),
    Command("train-tagger", "recipes.tagger", "PLIM: train a tagger of names on sentences with knowledge", "train"),
    Command("sft", "recipes.sft", "MRSI: fine-tune on reasoning schemas", "train"),
    Command("filter", "recipes.filter", "sample completions and keep the prompts that can teach", "train"),
    Command("grpo", "recipes.grpo", "CVO: optimize with verifiable rewards", "train"),
    Command("merge", "recipes.merge", "merge a LoRA adapter into its base model", "train"),
    Command("evaluate", "recipes.evaluate", "score a model, an endpoint or a file; writes a report", "train"),
    Command("train-pointer", "recipes.pointer", "UnCo: train a small model that points at words and regions", "train"),
    Command("correct", "recipes.correct", "UnCo: a large model corrects what a small one is unsure of", "train"),
    Command("choose-thresholds", "recipes.choose_thresholds", "UnCo: which uncertainty is too much, on dev samples", "train"),
    Command("propose-regions", "recipes.propose", "regions of images, by a detector or from published files", "train"),
    Command("calibrate-verdicts", "recipes.calibrate_verdicts", "make visual entailment's verdicts probabilities", "train"),
    Command("segment", "recipes.segment", "masks for the boxes of any predictions, by a segmentation model", "train"),
    Command("compare", "recipes.compare", "test whether two systems differ, sample by sample", "train"),
    Command("score-table", "recipes.score_table", "tabulate systems, with mean and spread over seeds"),
    Command("report", "recipes.report", "write the page of a training run", "train"),
    Command("reproduce", "recipes.reproduce", "make a table of a paper anew, its figures beside ours", "train"),
    Command("check-plan", "mcr.commands.check_plan", "check the configs of a plan of mcr reproduce for its hardware", "train"),
    Command("demo", "recipes.demo", "run the whole method in the sandbox, on a CPU", "train"),
)
