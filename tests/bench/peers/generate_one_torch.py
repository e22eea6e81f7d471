"""Latency of one picture of 128x128 by the TAC-GAN generator in PyTorch: eager, float32, channels-last, 2 threads.

usage: generate_one_torch.py

Median of 3 rounds of 100 forward passes at batch 1, after 5 to warm up.
"""
import json
import statistics
import time

import torch

from gan_train_torch import NOISE, TEXT, Generator

THREADS, WARM_UP, ROUNDS, DRAWN = 2, 5, 3, 100


def milliseconds(run):
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


@torch.inference_mode()
def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    generator = Generator().eval().to(memory_format=torch.channels_last)
    noise, text = torch.randn(1, NOISE), torch.randn(1, TEXT)

    def draw():
        return generator(noise, text)

    for _ in range(WARM_UP):
        draw()
    medians = sorted(statistics.median(milliseconds(draw) for _ in range(DRAWN)) for _ in range(ROUNDS))
    print(json.dumps({'milliseconds': round(medians[len(medians) // 2], 2), 'best': round(medians[0], 2),
                      'worst': round(medians[-1], 2), 'torch': torch.__version__}))


if __name__ == '__main__':
    main()
