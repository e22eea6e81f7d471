#!/usr/bin/env bash
# Training of preset "mannequin" (128 pixels, 16 maps, batch 64) from JPEG files on the CPU: real images a second.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_gan.sh"
training_figure mannequin 16 gan_train_mannequin_torch.py "the same networks and losses; a quarter of our batch is overlaid, which D alone learns from"
