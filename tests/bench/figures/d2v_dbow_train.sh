#!/usr/bin/env bash
# Doc2vec training, PV-DBOW: words a second, dimension 100, window 4, 5 negatives, 40 epochs.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_d2v
python3 "$BENCH_PEERS/fashion_texts.py" words "$MANNEQUIN_FASHION/metadata.json.gz" >"$BENCH_WORK/words.txt"
ours=$(field words_per_second "$("$BENCH_BIN/bench_d2v" --words "$BENCH_WORK/words.txt" --mode dbow --epochs 40 --repeat 3)")
theirs=""
note="peer missing: run tests/bench/peers/install.sh"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim' 2>/dev/null; then
  theirs=$(field words_per_second "$("$BENCH_PYTHON" "$BENCH_PEERS/doc2vec_gensim.py" --words "$BENCH_WORK/words.txt" --mode dbow --epochs 40 --repeat 3)")
  note="median of 3, all cores both"
fi
print_figure "$ours" words/s "$theirs" "gensim 4 corpus_file" higher "$note"
