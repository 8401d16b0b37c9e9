"""Readers beside Twitter-GMNER's, on small folders laid out as published; build_samples on all of them."""

import gzip
import json
import re

import pytest
from PIL import Image

from data_prep.build_samples import main
from data_prep.readers.grefcoco import GrefcocoReader, image_name, iter_json_list
from data_prep.readers.mner_mi import MNER_MI_READER, MNER_UNI_READER, read_row
from data_prep.readers.own_samples import OWN_SAMPLES_READER
from data_prep.readers.reading import read_all
from data_prep.readers.twitter_gmner import TWITTER_FMNERG_READER
from data_prep.readers.twitter_smner import TWITTER_SMNER_READER
from mcr.errors import ConfigError, DataError
from mcr.io.samples import load_samples
from mcr.records import Entity

XML = "<annotation><size><width>20</width><height>20</height></size>{}</annotation>"
OBJECT = "<object><name>Ann Lee</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox></object>"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def twitter_folder(root, text_folder, rows):
    for split in ("train", "dev", "test"):
        lines = "\n".join("\t".join(row) for row in rows)
        write(root / text_folder / f"{split}.txt", f"IMGID:{split}1\n{lines}\n\n")
    write(root / "xml" / "train1.xml", XML.format(OBJECT))
    return root


FINE = [
    ("Ann", "B-person", "B-athlete"),
    ("Lee", "I-person", "I-athlete"),
    ("of", "O", "O"),
    ("Acme", "B-organization", "B-company"),
]


def test_fmnerg_types_are_the_fine_ones(tmp_path):
    samples, counts = read_all(TWITTER_FMNERG_READER, twitter_folder(tmp_path, "txt_fine", FINE))
    assert samples["train"][0].entities == (Entity("Ann Lee", "athlete", ((1, 1, 10, 10),)), Entity("Acme", "company", None))
    assert samples["train"][0].dataset == "twitter-fmnerg"
    assert counts["train"]["groundable"] == 1


@pytest.mark.parametrize("row", [("Ann", "B-person", "B-company"), ("Ann", "B-person", "I-athlete"), ("Ann", "O", "B-athlete")])
def test_fmnerg_coarse_and_fine_tags_have_to_agree(tmp_path, row):
    with pytest.raises(DataError, match="expected a fine type of the coarse one"):
        read_all(TWITTER_FMNERG_READER, twitter_folder(tmp_path, "txt_fine", [row]))


def test_the_real_fmnerg_labels_give_the_published_counts(shared_data, real_roots, tmp_path):
    for split in ("train", "dev", "test"):
        with gzip.open(shared_data / f"fmnerg_txt_fine_{split}.txt.gz", "rb") as file:
            (tmp_path / "txt_fine").mkdir(exist_ok=True)
            (tmp_path / "txt_fine" / f"{split}.txt").write_bytes(file.read())
    (tmp_path / "xml").symlink_to(real_roots["v2"] / "xml")
    _, counts = read_all(TWITTER_FMNERG_READER, tmp_path)
    for split, expected in TWITTER_FMNERG_READER.published.items():
        assert {name: counts[split][name] for name in expected} == expected


MI = {
    "id": 5302,
    "text": ["hi", "Kim", "Jae"],
    "images": ["5302_0.jpg", "5302_1.jpg"],
    "label": ["O", "B-PER", "I-PER"],
    "url": "u",
}


def mner_folder(root, name, *rows):
    for split in ("train", "val", "test"):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in (rows if split == "train" else rows[:1])]
        lines = [line.replace("5302", {"train": "5302", "val": "6302", "test": "7302"}[split]) for line in lines]
        write(root / "text" / f"{name}_{split}.txt", "\n".join(lines) + "\n")
    return root


def test_mner_mi_asks_for_names_alone_and_keeps_all_images(tmp_path):
    samples, counts = read_all(MNER_MI_READER, mner_folder(tmp_path, "MNER-MI", MI))
    sample = samples["train"][0]
    assert (sample.id, sample.task.name, sample.sentence) == ("5302", "mner", "hi Kim Jae")
    assert [image.path for image in sample.images] == ["5302_0.jpg", "5302_1.jpg"]
    assert sample.entities == (Entity("Kim Jae", "PER"),)
    assert counts["train"]["with several images"] == 1
    assert samples["dev"][0].id == "6302"


def test_mner_uni_rows_may_be_python_literals(tmp_path):
    literal = str(
        {"id": "twitter2017-O_5302", "text": ["Swift", "won"], "images": ["a.jpg"], "label": ["B-MISC", "O"], "url": ""}
    )
    samples, counts = read_all(MNER_UNI_READER, mner_folder(tmp_path, "MNER-UNI", literal))
    assert samples["train"][0].entities == (Entity("Swift", "OTHER"),)
    assert counts["train"]["Python literals"] == 1


def test_an_endless_number_costs_its_row_alone(tmp_path):
    literal = "{'id': 0x" + "f" * 5000 + ", 'text': ['a'], 'images': [], 'label': ['O']}"
    with pytest.raises(DataError, match=r"train.txt:2: id: got 'int'"):
        read_all(MNER_MI_READER, mner_folder(tmp_path, "MNER-MI", MI, literal))


@pytest.mark.parametrize(
    "raw",
    [
        b"{[]: 1}",
        b"__import__('os').system('true')",
        b"{'id': open('x')}",
        b"[1]",
        b"\xff",
        b"(" * 5000,
        b"{'a': 1" + b"0" * 200_000,
    ],
)
def test_a_row_that_is_no_literal_is_never_run(raw):
    with pytest.raises(DataError):
        read_row(raw)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"label": ["O"]}, "tags"),
        ({"label": ["O", "B-PET", "O"]}, "tags"),
        ({"text": "hi Kim"}, "row"),
        ({"images": ["1.jpg"] * 5}, "image"),
        ({"images": ["../x.jpg"]}, "image"),
        ({"images": ["a\x00b.jpg"]}, "image"),
        ({"id": "a/b"}, "id"),
        ({"id": None}, "id"),
    ],
)
def test_rows_that_cannot_be_used_are_set_aside_with_their_reason(tmp_path, change, kind, capsys):
    root = mner_folder(tmp_path / "in", "MNER-MI", MI, MI | {"id": 1} | change)
    main(["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "out")])
    assert len(load_samples(tmp_path / "out" / "train.jsonl")) == 1
    (reject,) = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert (reject["kind"], reject["place"]) == (kind, "MNER-MI_train.txt:2")
    assert f"1 ({kind} 1)" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"MNER-MI_train.txt:2"):
        main(["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "strict"), "--strict"])
    assert not (tmp_path / "strict" / "train.jsonl").exists()


def grec_folder(root, **change):
    sent = [{"sent": "the  man", "sent_id": 1}, {"sent": "left one", "sent_id": 2}]
    common = {"split": "train", "image_id": 7, "file_name": "COCO_train2014_000000000007_3.jpg", "sentences": sent}
    refs = [
        {**common, "ref_id": 1, "ann_id": [3], **change},
        {**common, "ref_id": 2, "ann_id": 4},
        {**common, "ref_id": 3, "ann_id": [-1]},
        {**common, "ref_id": 4, "ann_id": [3, 4]},
        {**common, "ref_id": 5, "ann_id": -1, "split": "val"},
        {**common, "ref_id": 6, "ann_id": [3], "split": "testA"},
        {**common, "ref_id": 7, "ann_id": [3], "split": "testB"},
    ]
    write(root / "grefs(unc).json", refs)
    boxes = [{"id": 3, "bbox": [10, 20, 30, 40.4]}, {"id": 4, "bbox": [0, 0, 5, 5]}]
    write(root / "instances.json", {"images": [{"id": 7, "width": 100, "height": 60}], "annotations": boxes})
    return root


def test_grec_boxes_are_corners_and_a_sample_is_a_sentence(tmp_path):
    samples, counts = read_all(GrefcocoReader(), grec_folder(tmp_path))
    first, second, third, *_, last = samples["train"]
    assert (first.id, second.id) == ("1-1", "1-2")
    assert first.task.name == "vg"
    assert first.sentence == first.entities[0].text == "the man"
    assert first.entities[0].boxes == ((10, 20, 40, 60),)
    assert third.entities[0].boxes == ((0, 0, 5, 5),)
    assert last.entities[0].boxes is None
    assert first.images[0].path == image_name("COCO_train2014_000000000007_3.jpg") == "COCO_train2014_000000000007.jpg"
    assert counts["train"]["several targets, left out"] == 2
    assert counts["train"]["no target"] == 2
    kept, _ = read_all(GrefcocoReader(keeps_several=True), tmp_path)
    assert len(kept["train"]) == len(samples["train"]) + 2
    assert len(kept["train"][-1].entities[0].boxes) == 2


def test_counts_of_mcrs_table_5_are_shown_beside_what_was_read(tmp_path, capsys):
    """MCR counts GREC's two test splits together; a sum is compared once both are read."""
    grec_folder(tmp_path / "gref")
    flags = ["grefcoco", "--root", str(tmp_path / "gref"), "--output_dir"]
    main([*flags, str(tmp_path / "grec")])
    table = capsys.readouterr().out
    assert re.search(r"^\| val \| 2 \(published: 5309\)", table, re.MULTILINE)
    assert re.search(r"^\| testA \| 2 \|", table, re.MULTILINE)
    assert re.search(r"^\| testA\+testB \| 4 \(published: 19066\)", table, re.MULTILINE)
    main([*flags, str(tmp_path / "a"), "--splits", "testA"])
    assert "testA+testB" not in capsys.readouterr().out
    main([*flags, str(tmp_path / "several"), "--several_targets"])
    assert "published" not in capsys.readouterr().out, "Table 5 leaves phrases with several targets out"
    published = {split: counts["samples"] for split, counts in MNER_MI_READER.published.items()}
    assert published == {"train": 6856, "dev": 860, "test": 860}


def test_tweets_without_an_image_are_counted(tmp_path):
    samples, counts = read_all(MNER_MI_READER, mner_folder(tmp_path, "MNER-MI", MI | {"images": []}))
    assert samples["train"][0].images == ()
    assert counts["train"]["without an image"] == 1


@pytest.mark.parametrize(
    "change",
    [{"ann_id": "x"}, {"ann_id": [99]}, {"image_id": 8}, {"sentences": ["the man"]}, {"ann_id": []}, {"sentences": None}],
)
def test_refs_that_cannot_be_used_are_told(tmp_path, change):
    with pytest.raises(DataError, match=r"ref 1\)"):
        read_all(GrefcocoReader(), grec_folder(tmp_path, **change))


def test_files_that_are_no_coco_are_told(tmp_path):
    root = grec_folder(tmp_path)
    for text in ("[]", "{", '{"images": [{"id": 1}], "annotations": []}'):
        write(root / "instances.json", text)
        with pytest.raises(DataError, match=r"instances.json"):
            read_all(GrefcocoReader(), root)


def smner_folder(root, segmentation, entity="Ann Lee"):
    twitter_folder(root, "txt", [("Ann", "B-PER"), ("Lee", "I-PER"), ("here", "O")])
    for split in ("train", "dev", "test"):
        rows = [{"image_id": 1, "entity": entity, "segmentation": segmentation}] if split == "train" else []
        images = [{"id": 1, "file_name": "train1.jpg", "width": 20, "height": 20}]
        write(root / "masks" / f"{split}.json", {"images": images, "annotations": rows})
    return root


def test_smner_masks_go_to_their_entities(tmp_path):
    pytest.importorskip("pycocotools")
    square = [[1, 1, 9, 1, 9, 9, 1, 9]]
    samples, counts = read_all(TWITTER_SMNER_READER, smner_folder(tmp_path, square))
    (entity,) = samples["train"][0].entities
    assert (len(entity.masks), len(entity.boxes)) == (1, 1)
    assert samples["dev"][0].entities[0].masks is None
    assert counts["train"]["masks"] == 1
    _, counts = read_all(TWITTER_SMNER_READER, smner_folder(tmp_path, square, entity="Else"))
    assert counts["train"]["masks without entity"] == 1
    with pytest.raises(DataError, match="mask"):
        read_all(TWITTER_SMNER_READER, smner_folder(tmp_path, "zz"))


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 1, 1e9, 1, 1e9, 1e9]],
        [[1, 1, float("nan"), 1, 9, 9]],
        [[30, 30, 35, 30, 35, 35]],
        {"size": [20, 20], "counts": [400]},
        {"size": [5, 5], "counts": [5, 20]},
    ],
)
def test_smner_masks_that_crash_cover_nothing_or_are_of_another_size_are_set_aside(tmp_path, segmentation):
    pytest.importorskip("pycocotools")
    with pytest.raises(DataError, match="mask: "):
        read_all(TWITTER_SMNER_READER, smner_folder(tmp_path, segmentation))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"annotations": [3]}, "annotation 0"),
        ({"annotations": [{"image_id": [1], "entity": "Ann Lee", "segmentation": []}]}, "annotation 0"),
        (
            {"images": [{"id": 1, "file_name": "elsewhere.jpg", "width": 20, "height": 20}]},
            "no sample 'elsewhere' that can be used",
        ),
        ({"images": [{"id": 1, "file_name": "train1.jpg", "width": "w", "height": 20}]}, "not COCO's form"),
    ],
)
def test_smner_rows_that_cannot_be_used_are_told(tmp_path, change, told):
    pytest.importorskip("pycocotools")
    path = smner_folder(tmp_path, [[1, 1, 9, 1, 9, 9]]) / "masks" / "train.json"
    write(path, json.loads(path.read_text()) | change)
    with pytest.raises(DataError, match=told):
        read_all(TWITTER_SMNER_READER, tmp_path)


def test_a_broken_mask_beside_a_good_one_is_one_reject(tmp_path, capsys):
    pytest.importorskip("pycocotools")
    path = smner_folder(tmp_path / "in", [[1, 1, 9, 1, 9, 9]]) / "masks" / "train.json"
    data = json.loads(path.read_text())
    write(path, data | {"annotations": [*data["annotations"], {"image_id": 1, "entity": "Lee", "segmentation": "zz"}]})
    main(["twitter-smner", "--root", str(tmp_path / "in"), "--output_dir", str(tmp_path / "out")])
    (reject,) = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert (reject["place"], reject["kind"]) == ("train.json (train1)", "mask")


def test_strict_lists_all_that_it_can(tmp_path):
    for num, told in ((20, "MNER-MI_train.txt:21"), (21, "and 2 more")):
        rows = [MI, *(MI | {"id": n, "label": []} for n in range(num))]
        root = mner_folder(tmp_path / str(num), "MNER-MI", *rows)
        with pytest.raises(DataError, match=told):
            main(["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "out"), "--strict"])


@pytest.mark.parametrize("file_name", ["train1", "images/train1.JPG"])
def test_smner_masks_find_their_sample_whatever_the_file_is_called(tmp_path, file_name):
    pytest.importorskip("pycocotools")
    path = smner_folder(tmp_path, [[1, 1, 9, 1, 9, 9]]) / "masks" / "train.json"
    write(path, path.read_text().replace("train1.jpg", file_name))
    assert read_all(TWITTER_SMNER_READER, tmp_path)[1]["train"]["masks"] == 1


def test_own_samples_are_checked_once_more(tmp_path):
    row = {"id": "1", "dataset": "d", "task": "gmner", "sentence": "Ann", "entities": []}
    row["images"] = [{"path": "a.png", "width": 10, "height": 10}]
    (tmp_path / "images").mkdir()
    Image.new("RGB", (10, 10)).save(tmp_path / "images" / "a.png")
    for split in ("train", "dev", "test"):
        write(tmp_path / f"{split}.jsonl", row | {"id": split})
    samples, _ = read_all(OWN_SAMPLES_READER, tmp_path, tmp_path / "images")
    assert samples["train"][0].sentence == "Ann"
    Image.new("RGB", (12, 10)).save(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match="got 12x10 pixels"):
        read_all(OWN_SAMPLES_READER, tmp_path, tmp_path / "images")


def test_a_truncated_image_and_a_bomb_are_set_aside(tmp_path, capsys):
    root = twitter_folder(tmp_path / "in", "txt", [("Ann", "B-PER"), ("Lee", "I-PER")])
    images = tmp_path / "images"
    images.mkdir()
    for split in ("train", "dev", "test"):
        Image.effect_noise((20, 20), 50).convert("RGB").save(images / f"{split}1.jpg")
    whole = (images / "dev1.jpg").read_bytes()
    (images / "dev1.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (9000, 9000)).save(images / "test1.jpg", "PNG")
    main(["twitter-gmner", "--root", str(root), "--image_root", str(images), "--output_dir", str(tmp_path / "out")])
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert [reject["split"] for reject in rejects] == ["dev", "test"]
    assert "9000x9000 pixels" in rejects[1]["reason"]
    assert "rejected: " in capsys.readouterr().out


def test_half_an_emoji_does_not_lose_the_build(tmp_path):
    odd = json.dumps(MI | {"id": 2, "text": ["hi", "Kim", "\ud83d"]})
    samples, _ = read_all(MNER_MI_READER, mner_folder(tmp_path, "MNER-MI", MI, odd))
    assert samples["train"][1].entities[0].text == "Kim \ufffd"


def test_refs_of_no_split_are_told_and_repeated_targets_are_one(tmp_path):
    root = grec_folder(tmp_path, ann_id=[3, 3])
    refs = json.loads((root / "grefs(unc).json").read_text())
    write(root / "grefs(unc).json", refs)
    samples, _ = read_all(GrefcocoReader(), root)
    assert len(samples["train"][0].entities[0].boxes) == 1
    for odd in ("x", {"split": "test"}, {"split": None}):
        write(root / "grefs(unc).json", [*refs, odd])
        with pytest.raises(DataError, match="split is not one of"):
            read_all(GrefcocoReader(), root)


@pytest.mark.parametrize("text", ["", "{}", "[1", "[1,]", "[1] x", "[] x", "[1 2]", '[{"a": ]'])
def test_a_file_of_refs_that_is_no_list_is_told(tmp_path, text):
    with pytest.raises(DataError, match="as published"):
        list(iter_json_list(write(tmp_path / "refs.json", text)))


@pytest.mark.parametrize("value", [[], [1], [{"a": [1, "]"]}, "\u00e9", None, [[]]]])
def test_a_list_is_read_one_item_at_a_time(tmp_path, value):
    for indent in (None, 2):
        assert list(iter_json_list(write(tmp_path / "list.json", json.dumps(value, indent=indent) + "\n"))) == value


def test_one_bad_annotation_costs_its_refs_alone(tmp_path):
    root = grec_folder(tmp_path)
    data = json.loads((root / "instances.json").read_text())
    write(root / "instances.json", data | {"annotations": [*data["annotations"], {"id": 9, "bbox": None}]})
    samples, _ = read_all(GrefcocoReader(), root)
    assert samples["train"]


def test_strict_leaves_what_was_there_and_refuses_empty_splits(tmp_path):
    root = mner_folder(tmp_path / "in", "MNER-MI", MI)
    flags = ["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "out")]
    main(flags)
    before = (tmp_path / "out" / "train.jsonl").read_text()
    (root / "text" / "MNER-MI_train.txt").write_text(json.dumps(MI | {"label": []}) + "\n")
    with pytest.raises(DataError, match="cannot be used"):
        main([*flags, "--strict"])
    assert (tmp_path / "out" / "train.jsonl").read_text() == before
    (root / "text" / "MNER-MI_train.txt").write_text("")
    with pytest.raises(DataError, match="train: holds no sample"):
        main([*flags, "--strict"])
    assert not (tmp_path / "out" / ".partial").exists()


def test_ids_of_splits_written_before_count(tmp_path, capsys):
    root = mner_folder(tmp_path / "in", "MNER-MI", MI)
    flags = ["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "out")]
    main([*flags, "--splits", "train"])
    (root / "text" / "MNER-MI_val.txt").write_text((root / "text" / "MNER-MI_train.txt").read_text())
    with pytest.raises(DataError, match=r"MNER-MI_val.txt:1: id .* occurs twice, first in train.jsonl:1"):
        main([*flags, "--splits", "dev", "--strict"])


def test_options_that_do_not_fit_are_refused(tmp_path):
    root = mner_folder(tmp_path, "MNER-MI", MI)
    flags = ["mner-mi", "--root", str(root), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ConfigError, match="grefcoco alone"):
        main([*flags, "--several_targets"])
    with pytest.raises(ConfigError, match="expected some of train,dev,test"):
        main([*flags, "--splits", "train,val"])
    with pytest.raises(DataError, match="not laid out as published"):
        main(["grefcoco", "--root", str(root), "--output_dir", str(tmp_path / "out")])
