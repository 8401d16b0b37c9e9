"""The sandbox world in the layouts of published datasets, with blank images: what a plan for them can be tried on.

    python -m data_prep.sandbox.layouts --output_dir stub --num 6

Writes Twitter10000_v2.0, Twitter10000v2 (FMNERG), MNER-MI, gRefCOCO, Twitter-2015, Twitter-2017, RiVEG's captions, published
knowledge and images/ into one folder, with `num` samples a split.
"""

import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from data_prep.sandbox.task_worlds import samples_of
from mcr.errors import run_command
from mcr.io.atomic_write import write_whole
from mcr.records import Entity, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import GMNER, MNER, VG

SPLITS = ("train", "dev", "test")
FINE = {"PER": ("person", "athlete"), "LOC": ("location", "city"), "ORG": ("organization", "company")}
FINE |= {"OTHER": ("event", "festival")}
TEXT_SPLITS = {"train": "train", "dev": "valid", "test": "test"}
GREFCOCO_SPLITS = ("train", "val", "testA", "testB")


def write_layouts(out: Path, num: int) -> None:
    """Write every layout."""
    write_twitter(out, num)
    write_mner_mi(out, num)
    write_grefcoco(out, num)
    write_text_sets(out, num)


def write_blank(path: Path, sample: Sample) -> None:
    """Write a blank image of the sample's size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (sample.images[0].width or 1, sample.images[0].height or 1), "white").save(path)


def tagged_tokens(sample: Sample) -> list[tuple[str, str, Entity | None]]:
    """Return (token, B, I or O, its entity) of each token of the sentence; a text that occurs twice is tagged once."""
    tokens = sample.sentence.split()
    tagged: list[tuple[str, str, Entity | None]] = [(token, "O", None) for token in tokens]
    for entity in sample.entities:
        words = entity.text.split()
        start = next(at for at in range(len(tokens)) if tokens[at : at + len(words)] == words and tagged[at][2] is None)
        for offset, word in enumerate(words):
            tagged[start + offset] = (word, "I" if offset else "B", entity)
    return tagged


def write_twitter(out: Path, num: int) -> None:
    """Write Twitter-GMNER v2.0 and Twitter-FMNERG: text of both, their xml, their images."""
    coarse, fine = out / "Twitter10000_v2.0", out / "Twitter10000v2"
    for number, split in enumerate(SPLITS):
        samples = [sample for sample, _ in samples_of(GMNER, 0, split, num)]
        names = [f"{number}{index:05d}" for index in range(len(samples))]
        blocks = {"txt": [], "txt_fine": []}
        for name, sample in zip(names, samples, strict=True):
            tagged = tagged_tokens(sample)
            rows = [f"{token}\t{_tag(mark, entity and entity.type)}" for token, mark, entity in tagged]
            fines = [(token, mark, FINE[entity.type] if entity else ("", "")) for token, mark, entity in tagged]
            both = [f"{token}\t{_tag(mark, pair[0])}\t{_tag(mark, pair[1])}" for token, mark, pair in fines]
            blocks["txt"].append("\n".join([f"IMGID:{name}", *rows, ""]))
            blocks["txt_fine"].append("\n".join([f"IMGID:{name}", *both, ""]))
            write_blank(out / "images" / "twitter" / f"{name}.jpg", sample)
            if any(entity.boxes for entity in sample.entities):
                for root in (coarse, fine):
                    write_text(root / "xml" / f"{name}.xml", annotation(sample))
        captions = [f"imgid:{name}###a blank image beside a tweet" for name in names]
        write_text(out / "riveg" / f"owl{split}caption_1.txt", "\n".join(captions) + "\n")
        write_text(coarse / "txt" / f"{split}.txt", "\n".join(blocks["txt"]))
        write_text(fine / "txt_fine" / f"{split}.txt", "\n".join(blocks["txt_fine"]))


def _tag(mark: str, label: str | None) -> str:
    return f"{mark}-{label}" if label and mark != "O" else "O"


def annotation(sample: Sample) -> str:
    """Return the Pascal-VOC annotation of a sample's boxes."""
    image = sample.images[0]
    objects = [
        f"<object><name>{escape(entity.text)}</name><bndbox>"
        + "".join(f"<{name}>{value:g}</{name}>" for name, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        + "</bndbox></object>"
        for entity in sample.entities
        for box in entity.boxes or ()
    ]
    size = f"<size><width>{image.width}</width><height>{image.height}</height></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def write_mner_mi(out: Path, num: int) -> None:
    """Write MNER-MI: a tweet a line, up to two images."""
    for split, published in (("train", "train"), ("dev", "val"), ("test", "test")):
        lines = []
        for sample, _ in samples_of(MNER, 0, split, num):
            names = [f"{sample.id}_{index}.jpg" for index in range(len(sample.images))]
            for name in names:
                write_blank(out / "images" / "mner_mi" / name, sample)
            tagged = tagged_tokens(sample)
            tokens, labels = [row[0] for row in tagged], [_tag(mark, entity and entity.type) for _, mark, entity in tagged]
            row = {"id": sample.id, "text": tokens, "images": names, "label": labels, "url": ""}
            lines.append(json.dumps(row))
        write_text(out / "MNER-MI" / "text" / f"MNER-MI_{published}.txt", "\n".join(lines) + "\n")


def write_grefcoco(out: Path, num: int) -> None:
    """Write gRefCOCO: refs with their sentences, each with one target or none, and COCO's instances."""
    found = [(split, sample) for split in GREFCOCO_SPLITS for sample, _ in samples_of(VG, 0, split, num)]
    refs, images, annotations = [], [], []
    for number, (split, sample) in enumerate(found):
        name, boxes = f"COCO_train2014_{number:012d}.jpg", sample.entities[0].boxes or ()
        write_blank(out / "images" / "train2014" / name, sample)
        images.append({"id": number, "width": sample.images[0].width, "height": sample.images[0].height, "file_name": name})
        annotations += [{"id": number, "image_id": number, "bbox": _xywh(boxes[0])}] if boxes else []
        sentence = {"sent": sample.sentence, "sent_id": number}
        ref = {"ref_id": number, "image_id": number, "split": split, "file_name": name, "sentences": [sentence]}
        refs.append(ref | {"ann_id": [number] if boxes else [-1]})
    write_text(out / "gRefCOCO" / "grefs(unc).json", json.dumps(refs))
    write_text(out / "gRefCOCO" / "instances.json", json.dumps({"images": images, "annotations": annotations}))


def write_text_sets(out: Path, num: int) -> None:
    """Write Twitter-2015 and Twitter-2017 and, packed, the knowledge that is published for them and for Twitter-GMNER."""
    archives: dict[int, dict[str, str]] = {2015: {}, 2017: {}}
    for number, (split, published) in enumerate(TEXT_SPLITS.items()):
        gmner = [sample for sample, _ in samples_of(GMNER, 0, split, num)]
        write_packed(out / f"riveg_mner_noaugment_{published}.txt.gz", "\n".join(known_block(sample, "") for sample in gmner))
        for year, members in archives.items():
            samples = [sample for sample, _ in samples_of(MNER, year, split, num)]
            names = [f"{year}{number}{index:05d}" for index in range(num)]
            known = samples[:-1] if year == 2015 else samples  # which lacks the last one, as published
            members[f"{published}.txt"] = "\n".join(known_block(sample, name) for sample, name in zip(known, names, strict=False))
            blocks = [f"IMGID:{name}\n{tagged_rows(sample)}\n" for name, sample in zip(names, samples, strict=True)]
            write_packed(out / f"twitter_{year}_{published}.txt.gz", "\n".join(blocks))
    for year, members in archives.items():
        with zipfile.ZipFile(out / f"pgim_knowledge_{year}.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)


def tagged_rows(sample: Sample) -> str:
    """Return a token with its tag a line."""
    return "\n".join(f"{token}\t{_tag(mark, entity and entity.type)}" for token, mark, entity in tagged_tokens(sample))


def known_block(sample: Sample, name: str) -> str:
    """Return a tweet with knowledge behind it, as RiVEG and PGIM publish it."""
    head = [f"IMGID:{name}"] if name else []
    return "\n".join([*head, tagged_rows(sample), "<EOS>\tX", "nothing\tX", "known\tX", ""])


def write_packed(path: Path, text: str) -> None:
    """Write a file packed by gzip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode("utf-8")))


def _xywh(box: Sequence[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def write_text(path: Path, text: str) -> None:
    """Write a file, its folder made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the folder."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--num", type=int, default=6, help="samples a split")
    args = parser.parse_args(argv)
    write_layouts(args.output_dir, args.num)
    print(f"wrote {args.num} samples a split of each dataset to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
