#!/usr/bin/env bash
# How often the gender that is derived from a title is the shop's own. The peer is what one
# writes first: the first such word of the title.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_derive_attributes
ours=$("$BENCH_BIN/bench_derive_attributes" "$MANNEQUIN_FASHION/metadata.json.gz" "$MANNEQUIN_FASHION/styles.csv")
theirs=$(python3 "$BENCH_PEERS/derive_first_word.py" "$MANNEQUIN_FASHION/styles.csv")
print_figure "$(field gender_precision "$ours")" share "$(field gender_precision "$theirs")" \
  "the first gender word" higher \
  "of $(field gender_coverage "$ours") of the titles (peer: $(field gender_coverage "$theirs"))"
