"""Label sets: the types that a dataset is annotated with, and the spellings of one type that count as equal.

What compares, reads or shows types takes a label set as an argument. A user's own is a YAML file (`LabelSet.load`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, DataError, closest

if TYPE_CHECKING:
    from mcr.records import Sample


@dataclass(frozen=True, slots=True, repr=False)
class LabelSet:
    """The types of a dataset.

    Attributes:
        name: of the set.
        labels: the types, in the order in which a prompt shows them.
        aliases: another spelling, in lower case -> the label that it means. A label in another case is its own alias.
        coarse: fine label -> coarse label, where types have two levels.
        definitions: label -> what it means, for prompts and reports.
        colors: label -> color, for pictures.
        spellings: of the labels that are not fine ones, in lower case.

    Raises:
        DataError: no label, a label twice, or a definition or color of no label (all faults at once).
    """

    name: str
    labels: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    coarse: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    _folded: Mapping[str, str] = field(init=False, compare=False)
    spellings: frozenset[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        faults = [f"{label!r} occurs twice" for label in dict.fromkeys(self.labels) if self.labels.count(label) > 1]
        if not self.labels:
            faults.append("it has no label")
        known = {*self.labels, *self.coarse, *self.coarse.values()}
        for what in ("definitions", "colors"):
            faults += [f"{what} names {label!r}, which is no label" for label in getattr(self, what) if label not in known]
        if faults:
            raise DataError(f"label set {self.name!r}: {'; '.join(faults)}. Correct it.")
        own = {label.lower(): label for label in (*self.coarse, *self.labels)}
        self._set_folded({**own, **{key.lower(): to for key, to in self.aliases.items()}})

    def _set_folded(self, folded: Mapping[str, str]) -> None:
        object.__setattr__(self, "_folded", MappingProxyType(dict(folded)))
        object.__setattr__(
            self, "spellings", frozenset(spelling for spelling, label in folded.items() if label not in self.coarse)
        )

    def __repr__(self) -> str:
        return f"LabelSet({self.name!r}, {len(self.labels)} labels)"

    def __reduce__(self) -> tuple[Any, ...]:
        return LabelSet, (self.name, self.labels, self.aliases, self.coarse, self.definitions, self.colors)

    def __hash__(self) -> int:
        return hash((self.name, self.labels, tuple(sorted(self.aliases.items()))))

    def canonical(self, label: str) -> str:
        """Return the label that a spelling means; what the set does not know comes back stripped.

        >>> [DEFAULT_LABELS.canonical(one) for one in ("person", " MISC ", "Athlete", "Dish")]
        ['PER', 'OTHER', 'athlete', 'Dish']

        Words may be written apart: "sports team" is sports_team.
        """
        label = label.strip()
        folded = label.lower()
        return self._folded.get(folded) or self._folded.get("_".join(folded.split()), label)

    def coarse_of(self, label: str) -> str:
        """Return the coarse label of a fine one; any other label in its one spelling.

        >>> [DEFAULT_LABELS.coarse_of(one) for one in ("athlete", "person", "sports_team")]
        ['PER', 'PER', 'ORG']
        """
        label = self.canonical(label)
        return self.canonical(self.coarse.get(label, label))

    def is_fine(self, label: str) -> bool:
        """Whether a spelling means a fine label of a set with two levels."""
        return self.canonical(label) in self.coarse

    def is_known(self, label: str) -> bool:
        """Whether a spelling means a label of the set that is not a fine one; tells a type from a name in an answer."""
        return label.strip().lower() in self.spellings

    def named(self, spelling: str) -> str | None:
        """Return the label that a spelling or its plural means, fine ones included; None for what the set does not know.

        >>> [DEFAULT_LABELS.named(one) for one in ("Persons", "cities", "PER", "Dish")]
        ['PER', 'city', 'PER', None]
        """
        folded = spelling.strip().lower()
        forms = (folded, folded.removesuffix("s"), folded.removesuffix("es"), f"{folded.removesuffix('ies')}y")
        return next((self._folded[form] for form in forms if form in self._folded), None)

    def is_same(self, one: str, other: str) -> bool:
        """Whether two spellings mean one label."""
        return one == other or self.canonical(one) == self.canonical(other)

    def described(self, label: str) -> str:
        """Return a label with its definition in parentheses, where it has one."""
        return f"{label} ({self.definitions[label]})" if label in self.definitions else label

    def without_aliases(self) -> "LabelSet":
        """Return the set with labels compared as they are spelled, but for white space around them."""
        plain = replace(self, aliases={})
        plain._set_folded({})
        return plain

    def to_dict(self) -> dict[str, Any]:
        """Return the set as YAML and JSON hold it."""
        parts = {name: dict(getattr(self, name)) for name in ("aliases", "coarse", "definitions", "colors")}
        return {"name": self.name, "labels": list(self.labels)} | {name: value for name, value in parts.items() if value}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], place: str = "label set") -> "LabelSet":
        """Build a set from its form on disk.

        Raises:
            DataError: unknown or missing keys, values of another kind; `place` says where.
        """
        mappings = ("aliases", "coarse", "definitions", "colors")
        known = ("name", "labels", *mappings)
        unknown = [f"{key!r}{closest(key, known)}" for key in row if key not in known]
        if unknown:
            raise DataError(f"{place}: unknown keys {', '.join(unknown)}, expected some of {', '.join(known)}. Correct the file.")
        labels = row.get("labels")
        fits = isinstance(labels, list) and all(isinstance(one, str) for one in labels) and isinstance(row.get("name"), str)
        if not fits or not all(_is_text_mapping(row.get(name, {})) for name in mappings):
            raise DataError(
                f"{place}: got {str(dict(row))[:200]}, expected name (text), labels (list of texts) and, as mappings of text to "
                f"text, any of {', '.join(mappings)}. Correct the file."
            )
        return cls(row["name"], tuple(row["labels"]), **{name: dict(row[name]) for name in mappings if name in row})

    @classmethod
    def load(cls, path: Path) -> "LabelSet":
        """Read a set from a YAML file.

        Raises:
            DataError: no such file, no YAML, or not a label set.
        """
        import yaml

        if not path.exists():
            raise DataError(f"label set: {path} does not exist. Correct the path.")
        try:
            row = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DataError(f"label set: {path} cannot be read ({error}). Correct the path or the file.") from error
        if not isinstance(row, Mapping):
            raise DataError(f"label set: {path} holds no mapping. Write name and labels.")
        return cls.from_dict(row, str(path))


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) and isinstance(to, str) for key, to in value.items())


TWITTER_GMNER = LabelSet(
    name="twitter-gmner",
    labels=("PER", "LOC", "ORG", "OTHER"),
    aliases={
        "person": "PER",
        "people": "PER",
        "location": "LOC",
        "organization": "ORG",
        "organisation": "ORG",
        "others": "OTHER",
        "misc": "OTHER",
        "mis": "OTHER",
        "miscellaneous": "OTHER",
    },
)
FMNERG_FINE: Mapping[str, str] = {
    "person": "actor artist athlete author businessman character coach director intellectual journalist musician person_other "
    "politician",
    "location": "city continent country location_other park road state",
    "building": "building_other cultural_place entertainment_place sports_facility",
    "organization": "band company educational_institution government_agency news_agency organization_other political_party "
    "social_organization sports_league sports_team",
    "product": "brand_name_products game product_other software",
    "art": "art_other film_and_television_works magazine music written_work",
    "event": "event_other festival sports_event",
    "other": "animal award medical_thing ordinance website",
}
_COARSE_OF_FINE = {fine: coarse for coarse, names in FMNERG_FINE.items() for fine in names.split()}
TWITTER_FMNERG = LabelSet("twitter-fmnerg", tuple(_COARSE_OF_FINE), aliases=TWITTER_GMNER.aliases, coarse=_COARSE_OF_FINE)
DEFAULT_LABELS = replace(TWITTER_GMNER, name="twitter", coarse=_COARSE_OF_FINE)
LABEL_SETS: Mapping[str, LabelSet] = {labels.name: labels for labels in (TWITTER_GMNER, TWITTER_FMNERG, DEFAULT_LABELS)}


def load_labels(name: str) -> LabelSet:
    """Return the label set of a name, of a YAML file, or of labels separated by commas.

    >>> load_labels("twitter-gmner").labels, load_labels("DISH,DRINK").labels
    (('PER', 'LOC', 'ORG', 'OTHER'), ('DISH', 'DRINK'))

    Raises:
        ConfigError: neither a known name, nor a file, nor a list.
    """
    if name in LABEL_SETS:
        return LABEL_SETS[name]
    if Path(name).suffix in (".yaml", ".yml"):
        return LabelSet.load(Path(name))
    labels = tuple(label.strip() for label in name.split(",") if label.strip())
    if len(labels) < 2:
        raise ConfigError(
            f"labels: got {name!r}{closest(name, LABEL_SETS)}, expected {', '.join(LABEL_SETS)}, a YAML file, or two or more "
            "labels separated by commas."
        )
    return labels_like(labels, "labels")


def labels_like(labels: Iterable[str], name: str) -> LabelSet:
    """Return a set of given labels with the usual spellings of those among them that DEFAULT_LABELS knows."""
    labels = tuple(labels)
    aliases = {key: to for key, to in DEFAULT_LABELS.aliases.items() if to in labels and key not in map(str.lower, labels)}
    coarse = {fine: to for fine, to in DEFAULT_LABELS.coarse.items() if fine in labels}
    return LabelSet(name, labels, aliases=aliases, coarse=coarse)


def labels_of(dataset: str) -> LabelSet:
    """Return the label set that a dataset is annotated with; Twitter-GMNER's where nothing else is known.

    >>> labels_of("twitter-gmner").name, len(labels_of("twitter-fmnerg").labels)
    ('twitter-gmner', 51)
    """
    return LABEL_SETS.get(dataset, TWITTER_GMNER)


def labels_of_gold(datasets: Iterable[str], types: Iterable[str]) -> LabelSet:
    """Return the label set that gold is annotated with: its dataset's, or the types that occur where no set has them all.

    Args:
        datasets: of the gold samples.
        types: of their entities.

    >>> labels_of_gold(["twitter-fmnerg"], ["actor"]).name, labels_of_gold(["mine"], ["PER"]).name
    ('twitter-fmnerg', 'twitter-gmner')
    >>> labels_of_gold(["mine"], ["tea", "soup", "soup"]).labels
    ('soup', 'tea')
    """
    occurring = sorted(set(types))
    for labels in {labels_of(dataset).name: labels_of(dataset) for dataset in sorted(set(datasets))}.values():
        if all(labels.canonical(one) in labels.labels for one in occurring):
            return labels
    return labels_like(occurring, "gold")


def labels_of_samples(samples: Iterable["Sample"]) -> LabelSet:
    """Return the label set that samples are annotated with; see `labels_of_gold`."""
    samples = list(samples)
    return labels_of_gold([one.dataset for one in samples], [entity.type for one in samples for entity in one.entities])
