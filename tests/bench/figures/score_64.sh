#!/usr/bin/env bash
# Scores a second of the shipped bundle with 64 callers, beside LitServe on the TAC-GAN discriminator
# of score_same_16.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
callers_figure shipped 64
