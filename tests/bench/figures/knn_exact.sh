#!/usr/bin/env bash
# The ten nearest of the fashion catalogue's 40,054 products by cosine, dimension 100, every
# one looked at: searches a second, 1,000 in a batch. The peer is gensim's brute force, which
# takes one at a time; numpy by itself is in the note.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_knn
need_program bench_embedding_quality
"$BENCH_BIN/bench_embedding_quality" --catalog "$MANNEQUIN_FASHION/metadata.json.gz" --save "$BENCH_WORK" >&2
ours=$("$BENCH_BIN/bench_knn" --vectors "$BENCH_WORK/vectors.f32")
theirs=""
note="peer missing: run tests/bench/peers/install.sh gensim==4.4.0"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim' 2>/dev/null; then
  peer=$("$BENCH_PYTHON" "$BENCH_PEERS/knn_gensim.py" --vectors "$BENCH_WORK/vectors.f32")
  theirs=$(field gensim_one "$peer")
  note="numpy one at a time $(field numpy_one "$peer"), in batches $(field numpy_batch "$peer")"
fi
print_figure "$(field exact_batch "$ours")" searches/s "$theirs" "gensim KeyedVectors" higher \
  "ours one at a time $(field exact_single "$ours"); $(field vectors "$ours") distinct vectors; $note"
