#!/usr/bin/env bash
# Runs figures and prints ours beside the peer's. See README.md beside this file.
#
#   tests/bench/run.sh [FIGURE...]     # all of them without arguments
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${MANNEQUIN_BUILD:-$root/build}

known=()
for file in "$here"/figures/*; do
  [ -x "$file" ] && [ -f "$file" ] && known+=("$(basename "$file" .sh)")
done

case ${1:-} in
  -h | --help)
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    echo "figures: ${known[*]}"
    exit 0
    ;;
esac

figures=("$@")
[ $# -gt 0 ] || figures=("${known[@]}")
for figure in "${figures[@]}"; do
  case " ${known[*]} " in
    *" $figure "*) ;;
    *)
      echo "run.sh: no figure \"$figure\"; there are: ${known[*]}" >&2
      exit 2
      ;;
  esac
done

export BENCH_LIB=$here/lib.sh BENCH_PEERS=$here/peers BENCH_BIN=$build/bin
export MANNEQUIN_FASHION=${MANNEQUIN_FASHION:-$(dirname "$root")/shared/data/fashion}
BENCH_PYTHON=$build/bench/venv/bin/python
[ -x "$BENCH_PYTHON" ] || BENCH_PYTHON=""
export BENCH_PYTHON
[ -f "$MANNEQUIN_FASHION/metadata.json.gz" ] ||
  echo "note: no catalogue at $MANNEQUIN_FASHION (MANNEQUIN_FASHION names its folder): figures that need it fail" >&2

mkdir -p "$build/bench"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
python3 "$here/table.py" header
for figure in "${figures[@]}"; do
  file=$here/figures/$figure
  [ -x "$file" ] || file=$file.sh
  mkdir "$work/$figure"
  result=0
  BENCH_WORK=$work/$figure "$file" >"$work/$figure.out" 2>"$work/$figure.err" || result=$?
  python3 "$here/table.py" row "$figure" "$result" "$work/$figure.out" "$work/$figure.err" \
    --append "$build/bench/results.jsonl" --commit "$(git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)" || status=1
  rm -rf "${work:?}/$figure"
done
exit $status
