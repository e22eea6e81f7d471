#!/usr/bin/env bash
# The console in Debian's Chromium, and its JSON with the real Connect clients.
#
#   tests/console/run.sh BINARY [SCRIPT ARGUMENTS]
#
# Exit status 77, ctest's "skipped", when the packages are not to be had. BINARY is the `mannequin` to test; SCRIPT is run instead of the tests. The packages of package-lock.json are kept in the user's
# cache folder by the lock's hash and come from npm's configured registry.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
MANNEQUIN_BIN=$(realpath "$1")
PROTO=$(realpath "$source/../../proto")
WEB=$(realpath "$source/../../services/console/web")
export MANNEQUIN_BIN PROTO WEB

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mannequin/console-$(sha256sum "$source/package-lock.json" | cut -c1-16)
if [ ! -f "$cache/.complete" ]; then
  mkdir -p "$(dirname "$cache")"
  stage=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$stage"' EXIT
  cp "$source/package.json" "$source/package-lock.json" "$stage"
  (cd "$stage" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) ||
    { echo "console tests: skipped: npm could not fetch the packages of package-lock.json (see above)" >&2; exit 77; }
  touch "$stage/.complete"
  rm -rf "$cache"
  mv "$stage" "$cache"
fi

# Node looks for packages beside the scripts.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$source"/*.js "$source/package.json" "$work"
ln -s "$cache/node_modules" "$work/node_modules"
cd "$work"
if [ $# -gt 1 ]; then
  node "${@:2}"
else
  node --test --test-reporter=spec all.test.js
fi
