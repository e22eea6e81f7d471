#!/usr/bin/env bash
# Doc2vec inference of new documents, PV-DM: documents a second, 20 epochs, dimension 100,
# window 4, 5 negatives; and the cosine of two vectors of the same document.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_d2v
python3 "$BENCH_PEERS/fashion_texts.py" words "$MANNEQUIN_FASHION/metadata.json.gz" >"$BENCH_WORK/words.txt"
run=(--words "$BENCH_WORK/words.txt" --mode dm --epochs 5 --infer 20 --repeat 3)
ours=$("$BENCH_BIN/bench_d2v" "${run[@]}")
note="same document twice: cosine $(field same_twice_cosine "$ours")"
theirs=""
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim' 2>/dev/null; then
  gensim=$("$BENCH_PYTHON" "$BENCH_PEERS/doc2vec_gensim.py" "${run[@]}")
  theirs=$(field documents_per_second "$gensim")
  note+=", gensim's $(printf %.4f "$(field same_twice_cosine "$gensim")"); median of 3, all cores both"
else
  note+="; peer missing: run tests/bench/peers/install.sh"
fi
print_figure "$(field documents_per_second "$ours")" documents/s "$theirs" "gensim 4 infer_vector, a process a core" higher "$note"
