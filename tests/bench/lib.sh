# Helpers of the figures; sourced by them as "$BENCH_LIB".

bench_fail() {
  echo "$*" >&2
  exit 1
}

# The fashion catalogue, or an end with words.
need_data() {
  [ -f "$MANNEQUIN_FASHION/metadata.json.gz" ] ||
    bench_fail "no catalogue at $MANNEQUIN_FASHION: set MANNEQUIN_FASHION to the folder that holds metadata.json.gz"
}

# One of our binaries, or an end with words.
need_program() {
  [ -x "$BENCH_BIN/$1" ] || bench_fail "$BENCH_BIN/$1 is not built: run make"
}

# print_figure OURS UNIT THEIRS PEER BETTER NOTE; THEIRS empty: the peer is not installed.
print_figure() {
  python3 - "$(basename "$0" .sh)" "$@" <<'PY'
import json, sys
figure, ours, unit, theirs, peer, better, note = sys.argv[1:8]
print(json.dumps({"figure": figure, "ours": float(ours), "unit": unit, "theirs": float(theirs) if theirs else None,
                  "peer": peer, "better": better, "note": note}))
PY
}

# field NAME JSON: one value out of a JSON object.
field() {
  python3 -c 'import json, sys; print(json.loads(sys.argv[2])[sys.argv[1]])' "$1" "$2"
}

# best_of RUNS FIELD COMMAND... FOLDER: the JSON of the run whose FIELD is greatest. The
# last argument is a folder that each run finds missing.
best_of() {
  local runs=$1 name=$2 folder=${*: -1} best="" result
  shift 2
  for _ in $(seq "$runs"); do
    rm -rf "$folder"
    result=$("$@")
    if [ -z "$best" ] || python3 -c 'import sys; sys.exit(not float(sys.argv[1]) > float(sys.argv[2]))' \
      "$(field "$name" "$result")" "$(field "$name" "$best")"; then
      best=$result
    fi
  done
  rm -rf "$folder"
  echo "$best"
}
