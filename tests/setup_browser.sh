#!/usr/bin/env bash
# Installs a headless Chromium for the tests of report.html where apt-get can be used; says so and goes on where it cannot.
set -euo pipefail
if command -v chromedriver > /dev/null && command -v chromium > /dev/null; then
    exit 0
fi
if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    if apt-get update -qq > /dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core > /dev/null; then
        exit 0
    fi
    echo "apt-get could not install chromium: tests of report.html in a browser are skipped"
else
    echo "tests of report.html in a browser are skipped: install chromium and chromedriver to run them"
fi
