#!/usr/bin/env bash
# Of the drawn cards that say that there is no picture, how many are found, while of the
# catalogue's photos none may be taken for one. Nobody else's program does this.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_not_available
for size in 224 60x80 full; do
  mkdir "$BENCH_WORK/$size"
  tar -xf "$MANNEQUIN_FASHION/images-$size.tar" -C "$BENCH_WORK/$size"
done
ours=$("$BENCH_BIN/bench_not_available" --names "$BENCH_WORK")
print_figure "$(field recall "$ours")" share "" "none" higher \
  "$(field found "$ours") of $(field cards "$ours") drawn cards; of $(field photos "$ours") photos $(field false_positives "$ours") taken for one (an empty white picture among them); $(field microseconds_a_photo "$ours") us a photo for decode, hash, rendition and strip"
