"""TAC-GAN at 128x128 in PyTorch, from JPEG files: images a second over 8 steps of 64 after 2 to warm up.

usage: gan_train_torch.py LIST     (lines of "file <tab> category <tab> title"; text vectors are random: their cost is outside)

At its best on this machine: channels-last, bfloat16 autocast where the CPU has it, two workers that decode ahead.
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
import numpy as np

NF, BATCH, TEXT, NOISE, WARM_UP, STEPS = 64, 64, 100, 100, 2, 8


def block(layer, maps, activation):
    return nn.Sequential(layer, nn.BatchNorm2d(maps), activation)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = nn.Sequential(nn.Linear(TEXT, 128), nn.LeakyReLU(0.2))
        self.first = nn.Linear(NOISE + 128, 16 * NF * 16)
        self.start = nn.Sequential(nn.BatchNorm2d(16 * NF), nn.ReLU(inplace=True))
        sizes = [16 * NF, 8 * NF, 4 * NF, 2 * NF, NF]
        self.up = nn.Sequential(*[block(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), b, nn.ReLU(inplace=True))
                                  for a, b in zip(sizes, sizes[1:])],
                                nn.ConvTranspose2d(NF, 3, 4, 2, 1), nn.Tanh())

    def forward(self, noise, text):
        h = self.first(torch.cat([noise, self.text(text)], 1)).view(len(noise), -1, 4, 4)
        return self.up(self.start(h.contiguous(memory_format=torch.channels_last)))


class Discriminator(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.text = nn.Sequential(nn.Linear(TEXT, 128), nn.LeakyReLU(0.2))
        sizes = [3, NF, 2 * NF, 4 * NF, 8 * NF]
        self.down = nn.Sequential(*[block(nn.Conv2d(a, b, 4, 2, 1, bias=False), b, nn.LeakyReLU(0.2, inplace=True))
                                    for a, b in zip(sizes, sizes[1:])])
        self.mix = block(nn.Conv2d(8 * NF + 128, 8 * NF, 1, bias=False), 8 * NF, nn.LeakyReLU(0.2, inplace=True))
        self.source, self.category = nn.Linear(8 * NF * 64, 1), nn.Linear(8 * NF * 64, classes)

    def forward(self, image, text):
        h = self.down(image + 0.1 * torch.randn_like(image))
        t = self.text(text + 0.1 * torch.randn_like(text))[:, :, None, None].expand(-1, -1, 8, 8)
        h = self.mix(torch.cat([h, t.to(h.dtype)], 1)).flatten(1)
        return self.source(h), self.category(h)


class Pairs(Dataset):
    def __init__(self, lines):
        names = sorted({line[1] for line in lines})
        self.files = [line[0] for line in lines]
        self.labels = [names.index(line[1]) for line in lines]
        self.classes, self.texts = len(names), torch.randn(len(lines), TEXT)

    def __len__(self):
        return len(self.files)

    def load(self, i):
        image = Image.open(self.files[i])
        image.draft('RGB', (128, 128))  # shrinks while it decodes
        pixels = np.array(image.convert('RGB').resize((128, 128), Image.BILINEAR))
        return torch.from_numpy(pixels).permute(2, 0, 1).float().div_(127.5).sub_(1)

    def __getitem__(self, i):
        return self.load(i), self.load(int(torch.randint(len(self), ()))), self.texts[i], self.labels[i]


def has_bf16():
    with open('/proc/cpuinfo') as f:
        flags = f.read()
    return 'avx512_bf16' in flags or 'amx_bf16' in flags


def memory_mb():
    """Peak resident memory of this process, without the workers that it has started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    torch.manual_seed(1)
    data = Pairs([line.rstrip('\n').split('\t') for line in open(sys.argv[1], encoding='utf-8')])
    g, d = Generator().to(memory_format=torch.channels_last), Discriminator(data.classes).to(memory_format=torch.channels_last)
    adam_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999), fused=True)
    adam_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999), fused=True)
    bf16 = has_bf16()
    start = None
    for step, (real, wrong, text, label) in enumerate(DataLoader(data, BATCH, shuffle=True, num_workers=2, drop_last=True)):
        if step == WARM_UP:
            start = time.perf_counter()
        if step == WARM_UP + STEPS:
            rate, memory = BATCH * STEPS / (time.perf_counter() - start), memory_mb()
            break
        real, wrong = (x.contiguous(memory_format=torch.channels_last) for x in (real, wrong))
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            fake = g(torch.randn(BATCH, NOISE), text)
            loss = 0
            for image, target in ((real, 1.0), (wrong, 0.0), (fake.detach(), 0.0)):
                source, category = d(image, text)
                loss = loss + ((source.float() - target) ** 2).mean() + F.cross_entropy(category.float(), label)
        adam_d.zero_grad()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            source, category = d(fake, text)
            loss = ((source.float() - 1) ** 2).mean() + F.cross_entropy(category.float(), label)
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        d.requires_grad_(True)
    print(json.dumps({'images_per_second': rate, 'bf16': bf16, 'memory_mb': memory, 'torch': torch.__version__}))


if __name__ == '__main__':
    main()
