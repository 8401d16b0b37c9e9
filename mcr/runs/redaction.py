"""Settings and texts without what may be secret, before they are written down."""

import json
import re
from typing import Any

SECRET = re.compile(r"(^|_)(token|key|passw(or)?d|passphrase|secret|credentials?|auth|authorization)$|api_?key$", re.IGNORECASE)
OF_A_VOCABULARY = re.compile(r"(^|_)(eos|bos|pad|unk|cls|sep|mask|image|video|vision|special|decoder_start)_token$")
CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
IN_ADDRESS = re.compile(r"([?&])(?:[\w-]*(?:token|key|password|secret|signature|sig))=[^&\s#]*", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Tell a setting that may hold a secret; `api_key_env` names a variable and holds none, `eos_token` is a word."""
    name = name.replace("-", "_")
    return SECRET.search(name) is not None and OF_A_VOCABULARY.search(name) is None


def without_credentials(text: str) -> str:
    """Return a text whose addresses have no user name, password or key."""
    return IN_ADDRESS.sub(r"\1", CREDENTIALS.sub("", text))


def without_secrets(value: Any) -> Any:
    """Return settings without secret keys at any depth, mappings that are empty then left out; texts that hold JSON as well."""
    if isinstance(value, dict):
        shown = {key: without_secrets(one) for key, one in value.items() if not is_secret(str(key))}
        return {key: one for key, one in shown.items() if one != {} or value[key] == {}}
    if isinstance(value, list | tuple):
        return [without_secrets(one) for one in value]
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("{", "[")):
        try:
            return json.dumps(without_secrets(json.loads(value)))
        except ValueError:
            pass
    return without_credentials(value)
