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


def canonical_type(label: str) -> str:
    """Return one spelling for the coarse types that systems write differently; other labels come back stripped.

    >>> canonical_type("person"), canonical_type(" MISC "), canonical_type("athlete")
    ('PER', 'OTHER', 'athlete')
    """
    label = label.strip()
    return ALIASES.get(label.lower(), label)


def is_known_type(label: str) -> bool:
    """Whether a label is one of the coarse types in any spelling."""
    return label.strip().lower() in ALIASES
