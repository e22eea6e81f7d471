#!/usr/bin/env bash
# Doc2vec training, PV-DM: words a second, 40 epochs.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_d2v.sh"
d2v_figure dm words_per_second words/s "gensim 4 corpus_file" --epochs 40
