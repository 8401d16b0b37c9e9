"""Twitter-2015 and Twitter-2017, the two classic MNER sets: `train.txt`, `valid.txt`, `test.txt` in CoNLL form, no boxes.

MISC is written OTHER, the spelling of Twitter-GMNER, so that one label set fits all.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_prep.readers.conll import Tweet, bio_tags, iter_tweets, num_orphans
from data_prep.readers.packed import is_there
from data_prep.readers.reading import Item, Reject, check_id, find_image, read_at
from mcr.errors import DataError
from mcr.records import Entity, Sample
from mcr.tagging.bio import spans_of
from mcr.tasks import MNER

FILES = {"train": "train", "dev": "valid", "test": "test"}
TAGS = bio_tags(("PER", "LOC", "ORG", "OTHER", "MISC"))


@dataclass(frozen=True)
class TwitterMnerReader:
    """Either set.

    Attributes:
        dataset: written into samples.
        year: in the names of the packed files.
        published: counts by split.
        splits: that are written.
    """

    dataset: str
    year: int
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    splits: tuple[str, ...] = tuple(FILES)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless the three files and the images that are named are there."""
        missing = [" or ".join(map(str, self._places(root, split))) for split in self.splits if self.path(root, split) is None]
        if image_root is not None and not image_root.is_dir():
            missing.append(f"{image_root}, the image folder")
        if missing:
            raise DataError(f"{self.dataset} is not laid out as published: {'; '.join(missing)} is missing. Correct --root.")

    def path(self, root: Path, split: str) -> Path | None:
        """Return the file of a split, packed or not; None where there is none."""
        return next(filter(is_there, self._places(root, split)), None)

    def _places(self, root: Path, split: str) -> tuple[Path, ...]:
        name = FILES[split]
        return root / f"{name}.txt", root / f"{name}.txt.gz", root / f"twitter_{self.year}_{name}.txt.gz"

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield samples and rejects in the order of the file."""
        path = self.path(root, split)
        if path is None:
            raise DataError(f"{self.dataset}: {root} has no file of {split}. Correct --root.")
        for tweet in iter_tweets(path, (TAGS,)):
            if isinstance(tweet, Reject):
                yield tweet
                continue
            yield read_at(f"{path.name}:{tweet.line} ({tweet.id})", partial(self._sample, tweet, image_root, notes))

    def _sample(self, tweet: Tweet, image_root: Path | None, notes: Counter) -> Sample:
        image = find_image(image_root, f"{check_id(tweet.id)}.jpg")
        notes["I- without B-"] += num_orphans(tweet.tags[0])
        entities = tuple(
            Entity(" ".join(tweet.tokens[start:end]), "OTHER" if label == "MISC" else label)
            for start, end, label in spans_of(tweet.tags[0])
        )
        return Sample(tweet.id, self.dataset, MNER, " ".join(tweet.tokens), (image,), entities)


READERS = {
    "twitter-2015": TwitterMnerReader(
        "twitter-2015", 2015, {"train": {"samples": 4000}, "dev": {"samples": 1000}, "test": {"samples": 3257}}
    ),
    "twitter-2017": TwitterMnerReader(
        "twitter-2017", 2017, {"train": {"samples": 3373}, "dev": {"samples": 723}, "test": {"samples": 723}}
    ),
}
