#!/usr/bin/env bash
# Latency of drawing one picture (TAC-GAN generator, 128 pixels, 64 features, float32, 2 threads, random weights):
# milliseconds a picture at batch 1.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_generate_one
theirs="" note="peer missing: run tests/bench/peers/install.sh"
if [ -n "$BENCH_PYTHON" ]; then
  peer=$("$BENCH_PYTHON" "$BENCH_PEERS/generate_one_torch.py")
  theirs=$(field milliseconds "$peer")
  note="peer $(field best "$peer") to $(field worst "$peer") ms, network alone"
fi
ours=$("$BENCH_BIN/bench_generate_one" "$BENCH_WORK")
note="$note; ours $(field best "$ours") to $(field worst "$ours") ms, noise and 8-bit pixels included; medians of 100; of ours: $(field shares "$ours")"
print_figure "$(field milliseconds "$ours")" ms "$theirs" "PyTorch eager, channels-last" lower "$note"
