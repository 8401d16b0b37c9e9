"""Cases that a method mends and breaks: which they are, by hand and by a property; the page in a browser, the Markdown beside it."""

import json
import random
import re

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("PIL")
from browser import open_browser
from PIL import Image

from mcr.io.predictions import Prediction
from mcr.metrics.conventions import Conventions
from mcr.metrics.error_kinds import KINDS
from mcr.records import Entity, ImageRef, Sample
from mcr.report.cases import ORDER, Change, compare_cases, write_cases_page
from mcr.report.evaluation import evaluate_system

BOX, FAR = ((10.0, 10.0, 60.0, 60.0),), ((70.0, 70.0, 95.0, 95.0),)
ANN, NFL, YORK = Entity("Ann", "PER", BOX), Entity("NFL", "ORG", None), Entity("New York", "LOC", None)
GROUNDED = Entity("NFL", "ORG", FAR)  # what the image does not show was given a box
SENTENCE = "Ann of the NFL in New York"
EVIL = "<img src=x onerror='window.ran = 1'></script><script>window.ran = 2</script>"


def make_sample(name, *entities, sentence=SENTENCE):
    return Sample(name, "d", "gmner", sentence, (ImageRef(f"{name}.png", 100, 100),), entities or (ANN, NFL, YORK))


def study(samples, before, after, **settings):
    systems = [
        evaluate_system(
            name,
            samples,
            [Prediction(one.id, one.sentence, said) for one, said in zip(samples, answers, strict=True)],
            num_resamples=0,
        )
        for name, answers in (("SFT", before), ("MCR", after))
    ]
    return compare_cases(systems, **{"max_cases": 5, "seed": 0} | settings)


def changes(before, after, *entities):
    """Return (text, before, after, mended or broken) of every case of one sample."""
    groups = study([make_sample("1", *entities)], [before], [after]).groups
    return [(one.text, one.before, one.after, group.is_mended) for group in groups for one in group.cases[0]]


@pytest.mark.parametrize(
    ("before", "after", "case"),
    [
        ((ANN, GROUNDED, YORK), (ANN, NFL, YORK), ("NFL", "should be None", "right")),
        ((ANN, NFL, YORK, Entity("NBA", "ORG", FAR)), (ANN, NFL, YORK), ("NBA", "invented", "not predicted")),
        ((ANN, NFL, Entity("York", "LOC", None)), (ANN, NFL, YORK), ("New York", "span", "right")),
        ((ANN, Entity("NFL", "PER", None), YORK), (ANN, NFL, YORK), ("NFL", "type", "right")),
        ((Entity("Ann", "PER", FAR), NFL, YORK), (ANN, NFL, YORK), ("Ann", "box off", "right")),
        ((Entity("Ann", "PER", None), NFL, YORK), (ANN, NFL, YORK), ("Ann", "should have a box", "right")),
        ((Entity("Ann", "PER", ()), NFL, YORK), (ANN, NFL, YORK), ("Ann", "unreadable", "right")),
        ((ANN, YORK), (ANN, NFL, YORK), ("NFL", "missed", "right")),
        ((ANN, NFL, YORK, Entity("of", "PER", None)), (ANN, NFL, YORK), ("of", "extra", "not predicted")),
    ],
    ids=lambda value: value[1].replace(" ", "-") if isinstance(value[0], str) else "",
)
def test_each_kind_is_mended_and_the_other_way_round_broken(before, after, case):
    text, wrong, fine = case
    assert changes(before, after) == [(text, wrong, fine, True)]
    assert changes(after, before) == [(text, fine, wrong, False)]


def test_an_error_that_becomes_another_is_neither_mended_nor_broken():
    found = study([make_sample("1")], [(ANN, GROUNDED, YORK)], [(ANN, YORK)])
    assert (found.groups, found.num_changed) == ([], 1)


def test_the_same_errors_of_both_are_no_cases():
    twice = (Entity("NBA", "ORG", None), Entity("NBA", "ORG", FAR))
    assert changes((ANN, GROUNDED, *twice), (GROUNDED, ANN, *twice[::-1])) == []
    assert changes((*twice, ANN), (twice[0], ANN)) == [("NBA", "invented", "not predicted", True)]


def test_equal_gold_entities_are_interchangeable():
    both = (ANN, ANN)
    assert changes((ANN,), (ANN,), *both) == []
    assert changes((ANN,), both, *both) == [("Ann", "missed", "right", True)]


def random_entities(rng, num):
    texts, types, boxes = ["Ann", "NFL", "New York", "York", "NBA"], ["PER", "LOC"], [None, BOX, FAR, ()]
    return tuple(Entity(rng.choice(texts), rng.choice(types), rng.choice(boxes)) for _ in range(num))


@pytest.mark.parametrize("seed", range(30))
def test_errors_before_less_mended_plus_broken_are_errors_after(seed):
    rng = random.Random(seed)
    samples = [make_sample(str(index)) for index in range(8)]
    before, after = ([random_entities(rng, rng.randint(0, 5)) for _ in samples] for _ in range(2))
    found = study(samples, before, after)
    counts = found.counts().values()
    assert sum(one.before - one.mended + one.broken for one in counts) == sum(one.after for one in counts)
    assert all(one.mended <= one.before and one.broken <= one.after for one in counts)
    turned = study(samples, after, before)
    for kind, one in found.counts().items():
        assert (turned.counts()[kind].mended, turned.counts()[kind].broken) == (one.broken, one.mended)
    assert turned.num_changed == found.num_changed
    assert not study(samples, before, before).groups


def test_at_most_so_many_of_a_kind_are_drawn_and_the_seed_decides_which():
    samples = [make_sample(str(index)) for index in range(30)]
    before, after = [(ANN, GROUNDED, YORK)] * 30, [(ANN, NFL, YORK)] * 30
    (group,) = study(samples, before, after, max_cases=4).groups
    assert (group.num_errors, group.num_samples, len(group.cases)) == (30, 30, 4)
    assert study(samples, before, after, max_cases=4).groups == [group]
    assert any(study(samples, before, after, max_cases=4, seed=seed).groups != [group] for seed in range(1, 4))
    assert list(study(samples, before, after, max_cases=99).groups[0].cases) == list(range(30))


def test_the_biases_come_first_and_mended_before_broken():
    assert ORDER[:2] == ("should be None", "invented")
    assert sorted(ORDER) == sorted(KINDS)
    samples = [make_sample("1"), make_sample("2")]
    wrong = (Entity("Ann", "PER", FAR), GROUNDED, YORK, Entity("NBA", "ORG", None))
    groups = study(samples, [wrong, (ANN, NFL, YORK)], [(ANN, NFL, YORK), wrong]).groups
    assert [(group.kind, group.is_mended) for group in groups] == [
        (kind, is_mended) for is_mended in (True, False) for kind in ("should be None", "invented", "box off")
    ]
    assert groups[0].title(("SFT", "MCR")) == "Mended by MCR: should be None (textual bias)"
    assert groups[5].title(("SFT", "MCR")) == "Broken by MCR: box off"


def test_a_change_knows_its_direction():
    assert [Change("a", "type", "right").is_mended, Change("a", "right", "type").is_broken] == [True, True]
    assert not Change("a", "type", "span").is_mended
    assert not Change("a", "type", "span").is_broken


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("cases")
    samples = [make_sample(str(index)) for index in range(12)]
    samples.append(make_sample(EVIL, Entity(EVIL, "PER", None), sentence=f"{EVIL} met Ann"))
    for index in range(6):
        Image.new("RGB", (100, 100), (200, 40 * index, 90)).save(out / f"{index}.png")
    before, after = [], []
    for index, sample in enumerate(samples):
        right, said = sample.entities, sample.entities
        if index < 12:
            said = [(ANN, GROUNDED, YORK), (ANN, NFL, YORK, Entity("NBA", "ORG", FAR)), (ANN, NFL)][index % 3]
        else:
            said = (Entity(EVIL, "LOC", None), Entity(f"{EVIL}!", "PER", None))
        answers = [right, said] if index == 11 else [said, right]
        for system, entities, predictions in zip(("SFT", "MCR"), answers, (before, after), strict=True):
            predictions.append(
                Prediction(sample.id, sample.sentence, entities, f"<think>{system} looked {index}: {EVIL}</think>")
            )
    counts = write_cases_page(
        out / "cases.html",
        samples,
        before[:10] + before[11:],
        after,
        names=("SFT <b>", "MCR"),
        image_root=out,
        title="A <i>title</i>",
        max_cases=3,
    )
    (out / "counts.json").write_text(
        json.dumps({kind: [one.before, one.mended, one.broken, one.after] for kind, one in counts.items()})
    )
    return out


def test_the_counts_are_returned_and_are_at_the_top_of_both_files(folder):
    counts = json.loads((folder / "counts.json").read_text())
    assert counts["should be None"] == [4, 4, 0, 0]
    assert counts["invented"] == [4, 4, 0, 0]
    assert counts["missed"] == [6, 6, 1, 1]  # three entities of the sample that the first system did not answer
    markdown = (folder / "cases.md").read_text(encoding="utf-8")
    assert "| should be None (textual bias) | 4 | 4 | 0 | 0 |" in markdown
    assert "## Mended by MCR: should be None \\(textual bias\\)\n\n" in markdown
    assert "4 errors in 4 samples, 3 of the samples shown." in markdown
    assert "**NFL** should be None \u2192 right" in markdown
    assert "<img" not in markdown
    page = (folder / "cases.html").read_text(encoding="utf-8")
    assert re.search(r"<td>should be None \(textual bias\)</td><td class=\"num\">4</td><td class=\"num\">4</td>", page)
    assert "<i>title" not in page
    assert page.count("<script") == page.count("</script") == 3


def test_conventions_decide_what_a_case_is(tmp_path):
    near = Entity("Ann", "PER", ((10.0, 10.0, 60.0, 38.0),))  # IoU 0.56
    samples, strict = [make_sample("1")], Conventions(iou_threshold=0.75)
    answers = [[Prediction("1", SENTENCE, (one, NFL, YORK))] for one in (near, ANN)]
    for conventions, num_mended in ((Conventions(), 0), (strict, 1)):
        counts = write_cases_page(
            tmp_path / "c.html", samples, *answers, names=("a", "b"), image_root=None, conventions=conventions
        )
        assert counts["box off"].mended == num_mended
    assert "0 samples" not in (tmp_path / "c.md").read_text()


def test_no_case_is_a_page_too(tmp_path):
    answers = [Prediction("1", SENTENCE, (ANN, NFL, YORK))]
    write_cases_page(tmp_path / "c.html", [make_sample("1")], answers, answers, names=("a", "b"), image_root=None)
    assert "| all | 0 | 0 | 0 | 0 |" in (tmp_path / "c.md").read_text()


@pytest.fixture(scope="module")
def page(folder):
    driver = open_browser()
    driver.get((folder / "cases.html").as_uri())
    yield driver
    driver.quit()


def test_each_group_shows_its_cases_with_image_boxes_and_both_completions(page):
    groups = page.find_elements("css selector", ".cases")
    assert [len(group.find_elements("css selector", "article")) for group in groups] == [3, 3, 1, 3, 1]
    article = groups[0].find_element("css selector", "article")
    assert "NFL: should be None \u2192 right" in article.text
    assert SENTENCE in article.text.replace("\n", " ")
    assert "SFT looked" in article.text
    assert "MCR looked" in article.text
    assert len(article.find_elements("css selector", "rect.gold")) == 1
    assert len(article.find_elements("css selector", "rect.predicted:not(.b)")) == 2
    assert len(article.find_elements("css selector", "rect.predicted.b")) == 1
    assert page.find_elements("css selector", "article svg image")


def test_nothing_of_the_data_runs_on_the_page_of_cases(page):
    assert page.execute_script("return window.ran") is None
    assert page.title == "A <i>title</i>"
    assert EVIL in page.find_element("css selector", "main").text
    assert page.get_log("browser") == []
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
