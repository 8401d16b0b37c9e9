#!/usr/bin/env bash
# Looks for unsafe code with bandit, and for installed packages with known faults with pip-audit where PyPI can be reached.
# Launch:    bash tests/audit.sh .venv/bin     (make audit does it, make check too)
set -euo pipefail
bin=${1:?the folder of the environment\'s commands}
"$bin/bandit" --quiet --recursive --severity-level medium mcr rewards data_prep recipes bench
if "$bin/python" -c 'import json, urllib.request as r; json.load(r.urlopen("https://pypi.org/pypi/requests/2.19.0/json", timeout=10))["vulnerabilities"][0]' 2>/dev/null; then
    "$bin/pip-audit" --skip-editable --progress-spinner off
else
    echo "pip-audit: not run, PyPI's list of known faults cannot be reached from here"
fi
