#!/usr/bin/env bash
# Category precision@10 of held-out titles among the others. The peer's figure is plain
# PV-DBOW (the same text, our own code with --mix 0), so that no package is needed.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_embedding_quality
python3 "$BENCH_PEERS/fashion_texts.py" products "$MANNEQUIN_FASHION/metadata.json.gz" >"$BENCH_WORK/products.tsv"
mixed=$("$BENCH_BIN/bench_embedding_quality" --products "$BENCH_WORK/products.tsv")
plain=$("$BENCH_BIN/bench_embedding_quality" --products "$BENCH_WORK/products.tsv" --mix 0)
print_figure "$(field category_p10 "$mixed")" p@10 "$(field category_p10 "$plain")" "plain PV-DBOW" higher \
  "brand p@10 $(field brand_p10 "$mixed") against $(field brand_p10 "$plain"); $(field texts_per_second "$mixed") texts/s"
