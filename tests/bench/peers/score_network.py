"""Our TAC-GAN discriminator written in PyTorch as a person would, for the peers of score_*: 128 pixels, 64 features,
random weights."""
import io

import numpy as np
import torch
from PIL import Image
from torch import nn

TEXT, CATEGORIES, RESOLUTION, FEATURES = 100, 20, 128, 64


class Discriminator(nn.Module):
    def __init__(self, nf=FEATURES):
        super().__init__()
        maps = [3, nf, 2 * nf, 4 * nf, 8 * nf]
        self.down = nn.ModuleList(nn.Sequential(nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
                                  for a, b in zip(maps, maps[1:]))
        self.project = nn.Sequential(nn.Linear(TEXT, 128), nn.LeakyReLU(0.2))
        self.mix = nn.Sequential(nn.Conv2d(8 * nf + 128, 8 * nf, 1, bias=False), nn.BatchNorm2d(8 * nf), nn.LeakyReLU(0.2))
        flat = 8 * nf * (RESOLUTION // 16) ** 2
        self.source, self.category = nn.Linear(flat, 1), nn.Linear(flat, CATEGORIES)
        self.image_category = nn.Linear(8 * nf, CATEGORIES)
        self.overlay = nn.Sequential(nn.Conv2d(4 * nf, nf, 1), nn.LeakyReLU(0.2), nn.Conv2d(nf, 1, 3, 1, 1))

    def forward(self, image, text):
        h = image
        for i, layer in enumerate(self.down):
            h = layer(h)
            if i == 2:
                overlay = self.overlay(h)
        meaning = self.project(text)[:, :, None, None].expand(-1, -1, h.shape[2], h.shape[3])
        flat = self.mix(torch.cat([h, meaning], 1)).flatten(1)
        return self.source(flat)[:, 0], self.category(flat), self.image_category(h.mean((2, 3))), overlay


def pixels(jpeg):
    image = Image.open(io.BytesIO(jpeg)).convert('RGB').resize((RESOLUTION, RESOLUTION), Image.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(127.5).sub(1)


def network():
    torch.manual_seed(1)
    return Discriminator().eval().to(memory_format=torch.channels_last)
