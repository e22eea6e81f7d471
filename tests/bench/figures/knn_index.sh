#!/usr/bin/env bash
# As knn_exact, through the index that serves catalogues of more than 10,000 vectors. The
# peer is the same; hnswlib with the same M, ef_construction and ef is in the note.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_knn
need_program bench_hnswlib
need_program bench_embedding_quality
"$BENCH_BIN/bench_embedding_quality" --catalog "$MANNEQUIN_FASHION/metadata.json.gz" --save "$BENCH_WORK" >&2
ours=$("$BENCH_BIN/bench_knn" --vectors "$BENCH_WORK/vectors.f32")
hnswlib=$("$BENCH_BIN/bench_hnswlib" "$BENCH_WORK/vectors.f32" 100 16 128 64)
theirs=""
note="peer missing: run tests/bench/peers/install.sh gensim==4.4.0"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim' 2>/dev/null; then
  theirs=$(field gensim_one "$("$BENCH_PYTHON" "$BENCH_PEERS/knn_gensim.py" --vectors "$BENCH_WORK/vectors.f32")")
  note="the peer looks at all"
fi
print_figure "$(field index_batch "$ours")" searches/s "$theirs" "gensim KeyedVectors" higher \
  "recall $(field recall "$ours"), one at a time $(field index_single "$ours"), built in $(field build_seconds "$ours") s, $(field bytes_a_product "$ours") bytes a product; hnswlib 0.6.2 $(field searches_per_second "$hnswlib"), recall $(field recall "$hnswlib"), $(field build_seconds "$hnswlib") s, $(field bytes_a_product "$hnswlib") bytes; $note"
