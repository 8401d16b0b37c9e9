import pytest
from PIL import Image

from data_prep.build_samples import main
from data_prep.readers.conll import Tweet, bio_tags, iter_tweets
from data_prep.readers.reading import Reject
from data_prep.readers.twitter_gmner import read_twitter_gmner
from mcr.errors import DataError
from mcr.io.samples import load_samples

XML = """<annotation><size><width>100</width><height>80</height><depth>3</depth></size>{objects}</annotation>"""
OBJECT = "<object><name>{name}</name><bndbox><xmin>{x1}</xmin><ymin>1</ymin><xmax>{x2}</xmax><ymax>40</ymax></bndbox></object>"
TWEET = "IMGID:{id}\nAnn\tB-PER\nLee\tI-PER\nin\tO\n\u200b\tO\nRome\tB-LOC\n&amp\tO\n;\tO\n\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "txt").mkdir()
    (tmp_path / "xml").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "txt" / f"{split}.txt").write_text(TWEET.format(id=f"{split}1"), encoding="utf-8")
    objects = (
        OBJECT.format(name="Ann Lee", x1=1, x2=50)
        + OBJECT.format(name="Ann Lee", x1=60, x2=100)
        + OBJECT.format(name="Else", x1=1, x2=9)
    )
    (tmp_path / "xml" / "train1.xml").write_text(XML.format(objects=objects), encoding="utf-8")
    return tmp_path


def add_images(root, names=("train1", "dev1", "test1"), size=(100, 80)):
    (root / "images").mkdir()
    for name in names:
        Image.new("RGB", size).save(root / "images" / f"{name}.jpg")
    return root / "images"


COUNTS = {
    "v2": {"train": (7000, 11779, 4733, 5723), "dev": (1500, 2450, 991, 1171), "test": (1500, 2543, 1046, 1254)},
    "v1": {"train": (7000, 11782, 4694, 5680), "dev": (1500, 2453, 986, 1166), "test": (1500, 2543, 1036, 1244)},
}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_published_counts_come_out(real_roots, version):
    samples, all_counts = read_twitter_gmner(real_roots[version])
    for split, expected in COUNTS[version].items():
        counts = all_counts[split]
        assert (counts["samples"], counts["entities"], counts["groundable"], counts["boxes"]) == expected
        assert len(samples[split]) == expected[0]
        assert sum(len(sample.entities) for sample in samples[split]) == expected[1]


def test_spans_boxes_and_missing_images(root):
    samples, all_counts = read_twitter_gmner(root)
    sample = samples["train"][0]
    assert [(e.text, e.type) for e in sample.entities] == [("Ann Lee", "PER"), ("Rome", "LOC")]
    assert sample.entities[0].boxes == ((1, 1, 50, 40), (60, 1, 100, 40))
    assert sample.entities[1].boxes is None
    assert sample.images[0].is_missing
    assert sample.images[0].width == 100
    assert samples["dev"][0].images[0].width is None
    assert all_counts["train"]["objects without entity"] == 1


def test_real_images_give_their_size(root):
    samples, _ = read_twitter_gmner(root, add_images(root))
    assert not samples["dev"][0].images[0].is_missing
    assert samples["dev"][0].images[0].height == 80


def test_samples_survive_the_disk(root, tmp_path, capsys):
    main(["twitter-gmner", "--root", str(root), "--output_dir", str(tmp_path / "out")])
    assert (
        "| train | 1 (published: 7000) | 2 (published: 11779) | 1 (published: 4733) | 2 (published: 5723) | 1 |"
        in capsys.readouterr().out
    )
    assert load_samples(tmp_path / "out" / "train.jsonl") == read_twitter_gmner(root)[0]["train"]


def spoil(root, what):
    match what:
        case "broken xml":
            (root / "xml" / "train1.xml").write_text("<annotation><size>")
        case "xml with a document type":
            (root / "xml" / "train1.xml").write_text("<!DOCTYPE a [<!ENTITY x 'y'>]><annotation/>")
        case "xml with a document type in UTF-16":
            text = "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a [<!ENTITY x 'y'>]><annotation>&x;</annotation>"
            (root / "xml" / "train1.xml").write_bytes(text.encode("utf-16"))
        case "unknown encoding":
            (root / "xml" / "train1.xml").write_text("<?xml version='1.0' encoding='foo'?><annotation/>")
        case "no tokens":
            (root / "txt" / "dev.txt").write_text("IMGID:8\n\n" + TWEET.format(id="dev1"))
        case "a lost head":
            (root / "txt" / "dev.txt").write_text(TWEET.format(id="dev1") + "Bob\tB-PER\n")
        case "xml without size":
            (root / "xml" / "train1.xml").write_text("<annotation/>")
        case "unknown tag":
            (root / "txt" / "dev.txt").write_text("IMGID:9\nAnn\tB-PET\n")
        case "line without tab":
            (root / "txt" / "dev.txt").write_text("IMGID:9\nAnn B-PER\n")
        case "box outside":
            (root / "xml" / "train1.xml").write_text(XML.format(objects=OBJECT.format(name="Ann Lee", x1=1, x2=101)))
        case "inverted box":
            (root / "xml" / "train1.xml").write_text(XML.format(objects=OBJECT.format(name="Ann Lee", x1=50, x2=1)))
        case "id twice":
            (root / "txt" / "dev.txt").write_text(TWEET.format(id="train1"))
        case "id that is a path":
            (root / "txt" / "dev.txt").write_text(TWEET.format(id="../x"))
        case "not utf-8":
            (root / "txt" / "dev.txt").write_bytes(b"IMGID:9\n\xff\tO\n")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("broken xml", "train1.xml"),
        ("xml with a document type", "document type"),
        ("xml with a document type in UTF-16", "document type"),
        ("unknown encoding", "Pascal-VOC"),
        ("no tokens", "dev.txt:1 (8): row: holds no token"),
        ("a lost head", "dev.txt:10 (dev1)"),
        ("xml without size", "Pascal-VOC"),
        ("unknown tag", "dev.txt:2"),
        ("line without tab", "token TAB tag"),
        ("box outside", "inside the image's 100x80"),
        ("inverted box", "x1 < x2"),
        ("id twice", "occurs twice"),
        ("id that is a path", "plain name"),
        ("not utf-8", "not UTF-8"),
    ],
)
def test_bad_annotations_are_told(root, what, told):
    spoil(root, what)
    with pytest.raises(DataError, match="faults") as caught:
        read_twitter_gmner(root)
    assert told in str(caught.value)


def test_a_broken_head_costs_its_own_tweet_and_a_byte_order_mark_none(root):
    whole = TWEET.format(id="a").encode()
    (root / "txt" / "dev.txt").write_bytes(
        b"\xef\xbb\xbf" + whole + b"IMGID:\xff\nBob\tB-PER\n\n" + TWEET.format(id="b").encode()
    )
    found = list(iter_tweets(root / "txt" / "dev.txt", (bio_tags(("PER", "LOC")),)))
    assert [type(item) for item in found] == [Tweet, Reject, Tweet]
    assert (found[0].id, found[1].place, found[2].id) == ("a", "dev.txt:10", "b")


def test_a_blank_line_cuts_no_tweet_in_two(root):
    path = root / "txt" / "dev.txt"
    path.write_text("IMGID:1\nBob\tB-PER\n\nhere\tO\n\nIMGID:2\n\nAnn\tB-PER\n\n\nIMGID:3\nx\tO\n")
    found = list(iter_tweets(path, (bio_tags(("PER",)),)))
    assert [type(item) for item in found] == [Reject, Tweet, Tweet]
    assert found[0].place == "dev.txt:4 (1)"
    assert (found[1].id, found[1].tokens) == ("2", ("Ann",))


def test_faults_are_counted_under_what_is_wrong(root, tmp_path, capsys):
    spoil(root, "box outside")
    main(["twitter-gmner", "--root", str(root), "--output_dir", str(tmp_path / "out")])
    assert "1 (box 1)" in capsys.readouterr().out


def test_all_faults_are_told_at_once(root):
    spoil(root, "broken xml")
    spoil(root, "unknown tag")
    with pytest.raises(DataError) as caught:
        read_twitter_gmner(root)
    assert "train1.xml" in str(caught.value)
    assert "dev.txt:2" in str(caught.value)


def test_missing_folders_and_images_are_told(root):
    with pytest.raises(DataError, match="no such image folder"):
        read_twitter_gmner(root, root / "nowhere")
    images = add_images(root, names=("train1",))
    (images / "dev1.jpg").write_bytes(b"not an image")
    with pytest.raises(DataError) as caught:
        read_twitter_gmner(root, images)
    assert "cannot be read" in str(caught.value)
    assert "test1.jpg: no such file" in str(caught.value)
    with pytest.raises(DataError, match="no such f"):
        read_twitter_gmner(root / "elsewhere")
