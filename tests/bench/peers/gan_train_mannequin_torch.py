"""The networks and the step of preset "mannequin" in PyTorch, as a person would write them from the paper: images a second.

usage: gan_train_mannequin_torch.py LIST FEATURES     (lines of "file <tab> category <tab> title"; text vectors are random)

128 pixels, batch 64, channels-last, bfloat16 autocast where the CPU has it, two workers that decode ahead; R1 and R2 on a
quarter of the batch, as ours takes them. Without the map of overlays, whose images ours makes beside the step.
"""
import json
import random
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from gan_train_torch import Pairs, has_bf16, memory_mb

BATCH, TEXT, NOISE, STYLE, WARM_UP, STEPS, SIDE = 64, 100, 100, 256, 2, 8, 128
leaky = lambda x: F.leaky_relu(x, 0.2)
smoothed = lambda x: F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1, padding=1, count_include_pad=False)


class Block(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.first, self.second = nn.Conv2d(maps, maps, 3, 1, 1), nn.Conv2d(maps, maps, 3, 1, 1)

    def forward(self, x, steer=None):
        h = self.first(leaky(x))
        if steer is not None:
            scale, shift = steer[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        return x + self.second(leaky(h))


def maps_at(nf, side):
    return nf * min(8, SIDE // 2 // side)


class Generator(nn.Module):
    def __init__(self, nf):
        super().__init__()
        sides = [4, 8, 16, 32, 64]
        self.text, self.style = nn.Linear(TEXT, 128), nn.Linear(NOISE + 128, STYLE)
        self.first = nn.Linear(STYLE, maps_at(nf, 4) * 16)
        self.narrow = nn.ModuleList([nn.Conv2d(maps_at(nf, a), maps_at(nf, b), 1) for a, b in zip(sides, sides[1:])])
        self.steer = nn.ModuleList([nn.Linear(STYLE, 2 * maps_at(nf, s)) for s in sides])
        self.block = nn.ModuleList([Block(maps_at(nf, s)) for s in sides])
        self.picture = nn.ModuleList([nn.Conv2d(maps_at(nf, s), 12, 3, 1, 1) for s in sides[2:]])

    def forward(self, noise, text):
        style = leaky(self.style(torch.cat([noise, leaky(self.text(text))], 1)))
        h = self.first(style).view(len(noise), -1, 4, 4).contiguous(memory_format=torch.channels_last)
        picture = 0
        for i, block in enumerate(self.block):
            if i:
                h = F.interpolate(self.narrow[i - 1](h), scale_factor=2)
            h = block(h, self.steer[i](style))
            if i >= 2:
                if i > 2:
                    picture = F.interpolate(picture, scale_factor=2, mode='bilinear')
                picture = picture + smoothed(F.pixel_shuffle(self.picture[i - 2](leaky(h)), 2))
        return torch.tanh(picture)


class Discriminator(nn.Module):
    def __init__(self, nf, classes):
        super().__init__()
        sides = [64, 32, 16, 8, 4]
        self.read = nn.ModuleList([nn.Conv2d(12, maps_at(nf, s), 3, 1, 1) for s in sides[:3]])
        self.narrow = nn.ModuleList([nn.Conv2d(maps_at(nf, a), maps_at(nf, b), 2, 2) for a, b in zip(sides, sides[1:])])
        self.block = nn.ModuleList([Block(maps_at(nf, s)) for s in sides])
        self.text, flat = nn.Linear(TEXT, 128), maps_at(nf, 4) * 16
        self.source_in, self.source, self.source_text = nn.Linear(flat, 128), nn.Linear(128, 1), nn.Linear(128, 128)
        self.place, self.place_text, self.category = nn.Linear(flat, 128), nn.Linear(128, 128), nn.Linear(128, classes)

    def see(self, image):
        h = None
        for i, block in enumerate(self.block):
            if i:
                h = self.narrow[i - 1](h)
            if i < 3:
                if i:
                    image = F.avg_pool2d(image, 2)
                read = self.read[i](F.pixel_unshuffle(image, 2))
                h = read if h is None else h + read
            h = block(h)
        return leaky(h).flatten(1)

    def judge(self, seen, text):
        h, meant = leaky(self.source_in(seen)), self.source_text(leaky(self.text(text)))
        return (self.source(h).squeeze(1) + (h * meant).sum(1) / 128 ** 0.5).float()

    def places(self, seen, text):
        a = F.normalize(self.place(seen).float(), dim=1)
        b = F.normalize(self.place_text(leaky(self.text(text))).float(), dim=1)
        return 10 * a @ b.t()


def augment(image):
    parts = []
    for part in image.chunk(8):
        dx, dy = (int(torch.randint(-16, 17, ())) for _ in range(2))
        mask = torch.ones(1, 1, SIDE, SIDE)
        x, y = (int(torch.randint(0, SIDE - 32 + 1, ())) for _ in range(2))
        mask[:, :, y:y + 32, x:x + 32] = 0
        parts.append(F.pad(part, (dx, -dx, dy, -dy), value=1) * mask)
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def pair(winner, loser):
    return F.softplus(loser - winner).mean()


def contrast(logits):
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


def main():
    torch.manual_seed(1)
    data = Pairs([line.rstrip('\n').split('\t') for line in open(sys.argv[1], encoding='utf-8')])
    nf, bf16 = int(sys.argv[2]), has_bf16()
    g = Generator(nf).to(memory_format=torch.channels_last)
    d = Discriminator(nf, data.classes).to(memory_format=torch.channels_last)
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), 8e-4, (0.0, 0.99), fused=True) for net in (g, d))
    start = None
    for step, (real, _, text, label) in enumerate(DataLoader(data, BATCH, shuffle=True, num_workers=2, drop_last=True)):
        if step == WARM_UP:
            start = time.perf_counter()
        if step == WARM_UP + STEPS:
            rate, memory = BATCH * STEPS / (time.perf_counter() - start), memory_mb()
            break
        real = real.contiguous(memory_format=torch.channels_last)
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            fake = g(torch.randn(BATCH, NOISE), text).float()
            loss = 0
            a, b = d.see(augment(real)), d.see(augment(fake.detach()))
            of_real = d.judge(a, text)
            loss = pair(of_real, d.judge(b, text)) + 0.5 * pair(of_real, d.judge(a.roll(1, 0), text))
            loss = loss + 0.5 * contrast(d.places(a, text)) + 0.5 * F.cross_entropy(d.category(leaky(d.place(a))).float(), label)
            part = BATCH // 4
            images = augment(torch.cat([real[:part], fake.detach()[:part]])).requires_grad_()
            logits = d.judge(d.see(images), text[:part].repeat(2, 1))
            grad, = torch.autograd.grad(logits.sum(), images, create_graph=True)
            loss = loss + grad.float().square().sum((1, 2, 3)).mean()
        adam_d.zero_grad()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            seen = d.see(augment(fake))
            loss = pair(d.judge(seen, text), of_real.detach()) + 0.3 * contrast(d.places(seen, text))
            loss = loss + 0.3 * F.cross_entropy(d.category(leaky(d.place(seen))).float(), label)
            y, x = random.randrange(8), random.randrange(8)
            cells = [F.avg_pool2d(image[:, :, y:y + 120, x:x + 120], 8) for image in (fake, real)]
            loss = loss + 5 * (cells[0] - cells[1]).abs().mean()
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        d.requires_grad_(True)
    print(json.dumps({'images_per_second': rate, 'bf16': bf16, 'memory_mb': memory, 'torch': torch.__version__}))


if __name__ == '__main__':
    main()
