# Helpers of the scorer's speed figures; sourced after "$BENCH_LIB". BENCH_SCORE_SECONDS shortens the
# runs (8 s, the median of 3), for a look at whether the scripts work.
# shellcheck shell=bash
need_data
need_program bench_score
images=$MANNEQUIN_FASHION/images-224.tar
seconds=${BENCH_SCORE_SECONDS:-8}

# score MODE OPTION...: the JSON of bench_score.
score() {
  rm -rf "$BENCH_WORK/score" && mkdir "$BENCH_WORK/score"
  "$BENCH_BIN/bench_score" "$@" --images "$images" --catalog "$MANNEQUIN_FASHION/metadata.json.gz" \
    --work "$BENCH_WORK/score" --seconds "$seconds"
}

# peer SCRIPT CALLERS: sets `peer` to the JSON of a Python server under the same load, or to nothing and
# `missing` to what is to be installed.
peer() {
  peer="" missing=""
  if [ -z "$BENCH_PYTHON" ]; then
    missing="; peer missing: run tests/bench/peers/install.sh"
  elif ! command -v wrk > /dev/null; then
    missing="; peer missing: apt-get install wrk"
  else
    peer=$("$BENCH_PYTHON" "$BENCH_PEERS/$1" --images "$images" --callers "$2" --seconds "$seconds")
  fi
}

# field_of NAME JSON: field, or nothing without JSON.
field_of() {
  [ -z "$2" ] || field "$1" "$2"
}

# callers_figure NETWORK CALLERS: requests a second beside LitServe on the TAC-GAN network.
callers_figure() {
  local ours note
  peer score_litserve.py "$2"
  ours=$(score closed --network "$1" --callers "$2")
  note="p50/p99 $(field p50_ms "$ours")/$(field p99_ms "$ours") ms"
  [ "$1" != same ] || note="$note, at most $(field limit "$ours")/s by a matrix product"
  [ "$1" != shipped ] || note="$note; ours is the shipped judge on listings of the catalogue, nothing from memory"
  [ -z "$peer" ] || note="$note; peer p50/p99 $(field p50_ms "$peer")/$(field p99_ms "$peer") ms"
  print_figure "$(field requests_per_second "$ours")" requests/s "$(field_of requests_per_second "$peer")" \
    "LitServe 0.2.19, 2 workers" higher "$note$missing"
}
