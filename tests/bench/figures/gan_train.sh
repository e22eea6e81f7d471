#!/usr/bin/env bash
# Training of the 128-pixel TAC-GAN (64 maps, batch 64) from JPEG files on the CPU: real images a second.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_gan_train
mkdir "$BENCH_WORK/images" "$BENCH_WORK/ours"
tar xf "$MANNEQUIN_FASHION/images-224.tar" -C "$BENCH_WORK/images"
python3 "$BENCH_PEERS/list_fashion.py" "$MANNEQUIN_FASHION/metadata.json.gz" "$BENCH_WORK/images" > "$BENCH_WORK/list.tsv"
ours=$("$BENCH_BIN/bench_gan_train" "$BENCH_WORK/list.tsv" "$BENCH_WORK/ours")
note="steady state after $(field pack_seconds "$ours") s of packing $(field images "$ours") images once; 8 steps after 2"
note="$note; $(field gflops "$ours") of the $(field limit_gflops "$ours") GFLOP/s of a matrix product; ours takes the mismatched image from the same batch, the peer loads another one"
theirs=""
if [ -n "$BENCH_PYTHON" ]; then
  peer=$("$BENCH_PYTHON" "$BENCH_PEERS/gan_train_torch.py" "$BENCH_WORK/list.tsv")
  theirs=$(field images_per_second "$peer")
  note="$note; peer channels-last, bf16 $(field bf16 "$peer")"
else
  note="peer missing: run tests/bench/peers/install.sh; $note"
fi
print_figure "$(field images_per_second "$ours")" images/s "$theirs" "PyTorch 2" higher "$note"
