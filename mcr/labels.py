"""Entity types: the label sets of the datasets, and the spellings of one type that count as equal."""

TWITTER_GMNER = ("PER", "LOC", "ORG", "OTHER")

ALIASES = {
    "per": "PER",
    "person": "PER",
    "people": "PER",
    "loc": "LOC",
    "location": "LOC",
    "org": "ORG",
    "organization": "ORG",
    "organisation": "ORG",
    "other": "OTHER",
    "others": "OTHER",
    "misc": "OTHER",
    "mis": "OTHER",
    "miscellaneous": "OTHER",
}

FMNERG_FINE = {
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
COARSE_OF_FINE = {fine: coarse for coarse, names in FMNERG_FINE.items() for fine in names.split()}


LABELS_OF = {"twitter-fmnerg": tuple(COARSE_OF_FINE)}


def labels_of(dataset: str) -> tuple[str, ...]:
    """Return the label set that a dataset is annotated with; Twitter-GMNER's where nothing else is known.

    >>> labels_of("twitter-gmner"), len(labels_of("twitter-fmnerg"))
    (('PER', 'LOC', 'ORG', 'OTHER'), 51)
    """
    return LABELS_OF.get(dataset, TWITTER_GMNER)


def coarse_type(label: str) -> str:
    """Return the coarse type of Twitter-FMNERG's fine types (51 fine, 8 coarse); any other label in its one spelling.

    >>> coarse_type("athlete"), coarse_type("person"), coarse_type("sports_team")
    ('PER', 'PER', 'ORG')
    """
    return canonical_type(COARSE_OF_FINE.get(label.strip().lower(), label))


def is_fine_type(label: str) -> bool:
    """Whether a label is one of Twitter-FMNERG's fine types."""
    return label.strip().lower() in COARSE_OF_FINE


def canonical_type(label: str) -> str:
    """Return one spelling for the types that systems write differently; labels of no known set come back stripped.

    >>> canonical_type("person"), canonical_type(" MISC "), canonical_type("Athlete"), canonical_type("Dish")
    ('PER', 'OTHER', 'athlete', 'Dish')
    """
    label = label.strip()
    folded = label.lower()
    return folded if folded in COARSE_OF_FINE else ALIASES.get(folded, label)


def is_known_type(label: str) -> bool:
    """Whether a label is one of the coarse types in any spelling."""
    return label.strip().lower() in ALIASES
