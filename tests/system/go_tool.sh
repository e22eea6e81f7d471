#!/usr/bin/env bash
# Prints the path of a tool written in Go, and builds it when it is not there. For tests and figures alone: its version
# and the hashes of all that it is made of are in FOLDER/go.mod and FOLDER/go.sum, beside this file.
#
#   tests/system/go_tool.sh FOLDER PACKAGE      the program is of the folder's name
#
# Kept in ${XDG_CACHE_HOME:-~/.cache}/mannequin, so that a fresh clone does not build it again. Exit status 77, "skipped",
# with the reason on standard error, when Go is not installed, too old, or the modules are not to be had.
set -euo pipefail
name=$1 package=$2
here=$(cd "$(dirname "$0")" && pwd)/$name
hash=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mannequin/go/$name-$hash
if [ -x "$folder/$name" ]; then
  echo "$folder/$name"
  exit 0
fi

skip() { echo "$name: skipped: $*" >&2; exit 77; }
command -v go >/dev/null || skip "Go is not installed"
wanted=$(sed -n 's/^go //p' "$here/go.mod")
have=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
[ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -1)" = "$wanted" ] || skip "Go $have is older than $wanted"

# Of several that want it at once, one builds.
mkdir -p "$folder"
exec 9> "$folder/lock"
flock 9
if [ ! -x "$folder/$name" ]; then
  echo "$name: building it, once" >&2
  (cd "$here" && GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' CGO_ENABLED=0 \
    timeout -k 5 600 go build -trimpath -ldflags '-s -w' -o "$folder/building" "$package") >&2 ||
    skip "its modules could not be had, or not be built (above)"
  mv "$folder/building" "$folder/$name"
fi
echo "$folder/$name"
