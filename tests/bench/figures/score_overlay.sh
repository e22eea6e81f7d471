#!/usr/bin/env bash
# Overlays told from honest pictures: AUC of the shipped bundle's probability on held-out products of the fashion
# catalogue, whose words and fonts no training painted. SCORE_PRODUCTS says of how many (100; the peer reads 5 pictures a
# second).
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program mannequin
mkdir "$BENCH_WORK/images"
tar -xf "$MANNEQUIN_FASHION/images-224.tar" -C "$BENCH_WORK/images"
rapidocr=() note="peer missing: run tests/bench/peers/install.sh rapidocr-onnxruntime==1.4.4"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import rapidocr_onnxruntime' 2>/dev/null; then
  rapidocr=(--rapidocr "$BENCH_PYTHON")
fi
report=$("$BENCH_BIN/mannequin" --output json score eval --catalog "$MANNEQUIN_FASHION/metadata.json.gz" \
  --images "$BENCH_WORK/images" --products "${SCORE_PRODUCTS:-100}" "${rapidocr[@]}")
theirs=""
if [ ${#rapidocr[@]} -gt 0 ]; then
  peer=$(python3 -c 'import json, sys; print(json.dumps(json.loads(sys.argv[1])["rapidocr"]))' "$report")
  theirs=$(field auc "$peer")
  note="peer $(field milliseconds "$peer") ms a picture, AUC $(field by_abuse "$peer"), by script $(field by_script "$peer")"
fi
auc=$(python3 -c 'import json, sys
report = json.loads(sys.argv[1])
print([row["auc"] for row in report["rows"] if row["what"] == "every overlay"][0])' "$report")
print_figure "$auc" AUC "$theirs" "RapidOCR" higher \
  "$(field products "$report") products, 4 overlays each; $(field milliseconds "$report") ms a listing in bulk; $note"
