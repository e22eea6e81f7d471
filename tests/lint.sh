#!/usr/bin/env bash
# What a machine can check about how the project reads. Exit status 1 when something was
# found; what could not be checked here is said, and is not a failure.
#
#   tests/lint.sh
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
say() { echo "lint: $*"; }
found() { say "FAILED: $*"; failed=1; }
skip() { say "not checked: $*"; }

# --- contracts: buf's rules, and no break against the commit before --------------------
if command -v buf >/dev/null; then
  buf=(buf)
elif command -v npx >/dev/null; then
  buf=(npx --yes @bufbuild/buf@1.75.0)
else
  buf=()
fi
if [ ${#buf[@]} -eq 0 ] || ! problem=$("${buf[@]}" --version 2>&1); then
  skip "contracts: buf is not to be had (${problem:-neither buf nor npx is installed})"
else
  if "${buf[@]}" lint proto; then say "contracts follow the rules"; else found "contracts (buf lint, above)"; fi
  # On main, the commit before; on a branch, main.
  before=$(git rev-parse --quiet --verify main)
  if [ -z "$before" ] || [ "$before" = "$(git rev-parse HEAD)" ]; then
    before=$(git rev-parse --quiet --verify HEAD~1)
  fi
  if [ -z "$before" ] || ! git cat-file -e "$before:proto/mannequin" 2>/dev/null; then
    skip "contracts against an earlier commit: there is none that holds proto/"
  else
    old=$(mktemp -d)
    trap 'rm -rf "$old"' EXIT
    git archive "$before" proto | tar -x -C "$old"
    if "${buf[@]}" breaking proto --against "$old/proto"; then
      say "contracts break nothing of ${before:0:9}"
    else
      found "contracts break ${before:0:9} (buf breaking, above)"
    fi
  fi
fi

# --- layout of the C++ files -----------------------------------------------------------
if command -v clang-format-14 >/dev/null; then
  ragged=$(git ls-files '*.cc' '*.h' | xargs -r -P "$(nproc)" -n 8 sh -c \
    'for file; do clang-format-14 --dry-run -Werror "$file" 2>/dev/null || echo "$file"; done' sh | sort)
  if [ -n "$ragged" ]; then
    echo "$ragged"
    found "layout of the files above: run make format"
  else
    say "C++ files are laid out by .clang-format"
  fi
else
  skip "layout of C++ files: clang-format-14 is not installed"
fi

# --- nothing of the machine it was written on ------------------------------------------
# A home folder, a workspace or a registry's host. Written so that it does not find itself.
if git grep -nIE '(^|[^A-Za-z0-9_./-])/(home|Users)/[a-z]|/[w]ork/(main|shared)|/[r]oot/\.' -- . ':!tests/lint.sh'; then
  found "paths of one machine (above)"
else
  say "no path of one machine"
fi

exit $failed
