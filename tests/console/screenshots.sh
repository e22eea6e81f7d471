#!/usr/bin/env bash
# Takes the README's pictures of the console anew: .github/pictures/console-*.jpg.
#
#   tests/console/screenshots.sh [BINARY]
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
"$root/tests/console/run.sh" "${1:-$root/build/bin/mannequin}" screenshots.js "$root/.github/pictures"
