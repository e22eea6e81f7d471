#!/usr/bin/env bash
# Scores a second with 16 callers: the same discriminator (128 pixels, 64 features,
# random weights), the same 200 JPEGs of 224 pixels in turn, decode and resize included.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
callers_figure same 16
