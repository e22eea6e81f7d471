#!/usr/bin/env bash
# How often the colour that is derived from a title is the shop's own colour of the product.
# The peer is what one writes first: the first colour word of the title.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_derive_attributes
ours=$("$BENCH_BIN/bench_derive_attributes" "$MANNEQUIN_FASHION/metadata.json.gz" "$MANNEQUIN_FASHION/styles.csv")
theirs=$(python3 "$BENCH_PEERS/derive_first_word.py" "$MANNEQUIN_FASHION/styles.csv")
print_figure "$(field color_precision "$ours")" share "$(field color_precision "$theirs")" \
  "the first colour word" higher \
  "the shop's colour or a shade of it; of $(field color_coverage "$ours") of the titles (peer: $(field color_coverage "$theirs")), the very same in $(field color_exact "$ours"); $(field nanoseconds_a_title "$ours") ns a title for all attributes"
