"""Twitter-GMNER v1 and v2.0, Twitter-FMNERG: `txt*/{train,dev,test}.txt`, `xml/*.xml`, images if you have them.

An object of the xml grounds an entity when its name equals the entity's tokens joined by single spaces, exactly; several
objects of one name are several boxes, and two mentions of one text share them. A tweet without groundable entity has no xml.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_prep.readers.conll import Tweet, bio_tags, iter_tweets, num_orphans
from data_prep.readers.reading import Item, Reject, check_id, find_image, read_all, read_at, require_files
from data_prep.readers.voc import read_annotation
from mcr.errors import DataError
from mcr.labels import FMNERG_FINE, TWITTER_FMNERG, TWITTER_GMNER
from mcr.records import Entity, Sample
from mcr.tagging.bio import spans_of
from mcr.tasks import GMNER

SPLITS = ("train", "dev", "test")
V2 = {
    "train": {"samples": 7000, "entities": 11779, "groundable": 4733, "boxes": 5723},
    "dev": {"samples": 1500, "entities": 2450, "groundable": 991, "boxes": 1171},
    "test": {"samples": 1500, "entities": 2543, "groundable": 1046, "boxes": 1254},
}


@dataclass(frozen=True)
class TwitterReader:
    """Either dataset; they differ in the folder of the text and in its columns of tags.

    Attributes:
        dataset: written into samples.
        text_folders: where the text may lie, first one wins.
        tags: what may stand in each column of tags; the last column's label is the type.
        published: counts by split.
    """

    dataset: str
    text_folders: tuple[str, ...]
    tags: tuple[Collection[str], ...]
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    splits: tuple[str, ...] = SPLITS

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless text and annotations are there."""
        folder = self._text_folder(root)
        require_files(self.dataset, [*(folder / f"{split}.txt" for split in self.splits), root / "xml"], image_root)
        if not any((root / "xml").iterdir()):
            raise DataError(f"{root / 'xml'}: holds no annotation of any tweet. Unpack xml/ beside the text.")

    def _text_folder(self, root: Path) -> Path:
        return next((root / name for name in self.text_folders if (root / name).is_dir()), root / self.text_folders[0])

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield samples and rejects in the order of the file."""
        path = self._text_folder(root) / f"{split}.txt"
        for tweet in iter_tweets(path, self.tags):
            if isinstance(tweet, Reject):
                yield tweet
                continue
            yield read_at(f"{path.name}:{tweet.line} ({tweet.id})", partial(self._sample, root, image_root, tweet, notes))

    def _sample(self, root: Path, image_root: Path | None, tweet: Tweet, notes: Counter) -> Sample:
        tweet_id = check_id(tweet.id)
        annotation = read_annotation(root / "xml" / f"{tweet_id}.xml")
        image = find_image(image_root, f"{tweet_id}.jpg", (annotation.width, annotation.height) if annotation else None)
        boxes_px = annotation.boxes_px if annotation else {}
        if annotation:
            annotation.check(image)
        entities = []
        for start, end, label in entity_spans(tweet.tags):
            text = " ".join(tweet.tokens[start:end])
            entities.append(Entity(text, label, boxes_px.get(text)))
        sample = Sample(tweet_id, self.dataset, GMNER, " ".join(tweet.tokens), (image,), tuple(entities))
        texts = {entity.text for entity in entities}
        notes["I- without B-"] += num_orphans(tweet.tags[-1])
        notes["xml objects"] += sum(len(boxes) for boxes in boxes_px.values())
        notes["objects without entity"] += sum(len(boxes) for name, boxes in boxes_px.items() if name not in texts)
        return sample


def entity_spans(tags: Sequence[Sequence[str]]) -> list[tuple[int, int, str]]:
    """Return the spans of the last column of tags, checked against the coarse column before it, if there is one.

    Raises:
        DataError: coarse and fine tags that differ in their letters or do not belong together.
    """
    spans = spans_of(tags[-1])
    if len(tags) == 1:
        return spans
    for coarse, fine in zip(*tags, strict=True):
        if coarse[:1] != fine[:1] or TWITTER_FMNERG.coarse.get(fine[2:], "") != coarse[2:]:
            raise DataError(
                f"tags: got {coarse!r} beside {fine!r}, expected a fine type of the coarse one. Correct the line.", kind="tags"
            )
    return spans


TWITTER_GMNER_READER = TwitterReader("twitter-gmner", ("txt",), (bio_tags(TWITTER_GMNER.labels),), V2)
TWITTER_FMNERG_READER = TwitterReader(
    "twitter-fmnerg", ("txt_fine", "txt"), (bio_tags(FMNERG_FINE), bio_tags(TWITTER_FMNERG.labels)), V2
)


def read_twitter_gmner(root: Path, image_root: Path | None = None) -> tuple[dict[str, list[Sample]], dict[str, Counter]]:
    """Read all splits of Twitter-GMNER strictly into memory; see `read_all`."""
    return read_all(TWITTER_GMNER_READER, root, image_root)


READERS = {"twitter-gmner": TWITTER_GMNER_READER, "twitter-fmnerg": TWITTER_FMNERG_READER}
