#!/usr/bin/env bash
# Training of the 128-pixel TAC-GAN (64 maps, batch 64) from JPEG files on the CPU: real images a second.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_gan.sh"
training_figure tacgan 64 gan_train_torch.py "ours takes the mismatched image from the same batch, the peer loads another one"
