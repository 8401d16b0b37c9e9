"""Published knowledge about whole samples to knowledge.jsonl, checked against the samples that it was written for.

    mcr read-knowledge --blocks Twitter10000_noaugment/train.txt --samples data/gmner/train.jsonl \\
        --source chatgpt --output data/gmner/knowledge/train.jsonl
    mcr read-knowledge --annotations pgim_manual_annotation_2017.txt --samples data/twitter_2017/train.jsonl \\
        --source people --output data/twitter_2017/knowledge/people.jsonl
    mcr read-knowledge --expansions expansions.tsv --samples data/gmner/test.jsonl --source chatgpt --output expansions.jsonl

--blocks reads the files of RiVEG and PGIM: `token TAB tag` lines, `<EOS> TAB X`, then a word of knowledge a line. --annotations
reads what people wrote about training samples (PGIM, MAKAR). --expansions reads what each entity is: id, entity, type and
expansion, parted by tabs. All may be packed.
"""

from pathlib import Path

from data_prep.knowledge.annotations import read_annotations
from data_prep.knowledge.expansion_table import read_expansions
from data_prep.knowledge.knowledge_blocks import align_blocks
from mcr.errors import DataError, run_command
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import write_knowledge
from mcr.runs.command_line import CommandParser

NUM_SHOWN = 3


def main(argv: list[str] | None = None) -> None:
    """Read, align, write, and say how many samples have knowledge."""
    parser = CommandParser(__doc__)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--blocks", type=Path, help="a file of RiVEG or PGIM, also .gz or archive.zip/member.txt")
    given.add_argument("--annotations", type=Path, help="what people wrote about training samples, of PGIM or MAKAR, also .gz")
    given.add_argument("--expansions", type=Path, help="a table of what each entity is, also .gz")
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl of the same split")
    parser.add_argument("--source", required=True, help="who wrote the knowledge, e.g. gpt-3.5-turbo")
    parser.add_argument("--missing_at_end", type=int, default=0, help="how many of the last samples the blocks leave out")
    parser.add_argument("--output", type=Path, required=True, help="knowledge.jsonl to write")
    args = parser.parse_args(argv)
    samples = load_samples(args.samples)
    if args.blocks is not None:
        records = align_blocks(args.blocks, samples, args.source, missing_at_end=args.missing_at_end)
    elif args.expansions is not None:
        table = read_expansions(args.expansions, samples, args.source)
        records = list(table.records)
        print(f"{table.num_strangers} rows are of no entity of these samples, {table.num_unknown} entities have no row")
    else:
        found = read_annotations(args.annotations, {sample.id for sample in samples}, args.source)
        records = list(found.records)
        if found.strangers:
            shown = ", ".join(found.strangers[:NUM_SHOWN])
            print(f"{len(found.strangers)} annotations are of no sample of {args.samples.name} and are left out ({shown}, ...)")
        if not records:
            raise DataError(f"--annotations: {args.annotations} annotates no sample of {args.samples}. Give its training split.")
    num = write_knowledge(args.output, records)
    told = "entities" if args.expansions is not None else f"of {len(samples)} samples"
    print(f"{num} {told} have knowledge of {args.source} -> {args.output}")


if __name__ == "__main__":
    run_command(main)
