"""Names that nobody knows, made up anew for each scene: a model that copies them reads, it does not remember.

They are in the corpus alone and have no look. Their type follows from their form, as in "Port Draken" or "Draken FC".
"""

from collections.abc import Mapping
from random import Random

from data_prep.sandbox.looks import ALL_NAMES, Name

ONSETS = ("B", "Br", "D", "Dr", "F", "G", "Gr", "H", "J", "K", "L", "M", "N", "P", "Qu", "R", "S", "St", "T", "Tr", "V", "W", "Z")
MIDDLES = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
CONSONANTS = ("b", "d", "ff", "g", "k", "l", "ll", "m", "n", "nd", "r", "rt", "s", "st", "t", "v", "x")
ENDINGS = ("", "", "a", "e", "en", "is", "o", "on", "us")
FORMS: Mapping[str, tuple[str, ...]] = {
    "PER": ("Mr {0}", "Ms {0}", "{0} {1}son", "{0} van {1}"),
    "LOC": ("Port {0}", "Lake {0}", "{0}ville", "{0} Hall"),
    "ORG": ("{0} FC", "{0} & Co", "{0} United", "The {0}s"),
    "OTHER": ("{0}fest", "{0} Prize", "{0} {1} Days", "{0} 2"),
}
KNOWN_TEXTS = frozenset(name.text for name in ALL_NAMES)


def make_up(rng: Random) -> Name:
    """Return a name of one to three words without a look."""
    while True:
        type_ = rng.choice([*FORMS])
        text = rng.choice(FORMS[type_]).format(_word(rng), _word(rng))
        if text not in KNOWN_TEXTS:
            return Name(text, type_, "", (), is_known=False)


def _word(rng: Random) -> str:
    return rng.choice(ONSETS) + rng.choice(MIDDLES) + rng.choice(CONSONANTS) + rng.choice(ENDINGS)
