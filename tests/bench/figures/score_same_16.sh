#!/usr/bin/env bash
# Scores a second with 16 callers: the same discriminator (128 pixels, 64 features,
# random weights), the same 200 JPEGs of 224 pixels in turn, decode and resize included.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_score_same_16
images=$MANNEQUIN_FASHION/images-224.tar
theirs="" note=""
if [ -z "$BENCH_PYTHON" ]; then
  note="; peer missing: run tests/bench/peers/install.sh"
elif ! command -v wrk > /dev/null; then
  note="; peer missing: apt-get install wrk"
else
  peer=$("$BENCH_PYTHON" "$BENCH_PEERS/score_litserve.py" --images "$images" --callers 16)
  theirs=$(field requests_per_second "$peer")
  note="; peer p50/p99 $(field p50_ms "$peer")/$(field p99_ms "$peer") ms"
fi
ours=$("$BENCH_BIN/bench_score_same_16" --images "$images" --work "$BENCH_WORK" --callers 16)
print_figure "$(field requests_per_second "$ours")" requests/s "$theirs" "LitServe 0.2.19, 2 workers" higher \
  "p50/p99 $(field p50_ms "$ours")/$(field p99_ms "$ours") ms, at most $(field limit "$ours")/s in float32$note"
