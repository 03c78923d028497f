"""Changes that leave the class as it is, made on the network's input while training.

Each scan's are drawn from a generator of its own, so the same seed gives the same batch wherever a run was interrupted.
The background (0) stays background. Left and right may be swapped; up and down, front and back may not: the pituitary
gland lies at the bottom of a head and the auditory canals at its sides, and no scan is upside down once it is in RAS.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F


def flip(image, lesion, random, axis, highest=None):
    """1 x D x H x W each, the lesion on a coarser grid of the same box; axis: that from left to right."""
    return (image.flip(axis), lesion.flip(axis)) if random.random() < 0.5 else (image, lesion)


def augment(image, lesion, random, axis, highest):
    """The same, and all else; highest: what intensities are clipped to, None for z-scores."""
    image, lesion = flip(image, lesion, random, axis)
    if random.random() < 0.3:
        image, lesion = move(image, lesion, random)
    if random.random() < 0.15:
        image = cut_slices(image, lesion, random)
    return change_intensities(image, random, highest), lesion


def place_in(lesion, random):
    """A cell of a lesion (1 x d x h x w), or None."""
    cells = np.argwhere(lesion[0] > 0.2 * lesion.max())
    return cells[random.integers(len(cells))] if lesion.max() > 0 else None


def corner_of_crop(place, grid, count, random):
    """The first cell of a cube of `count` cells with `place` in it, anywhere but at its very edge."""
    margin = min(2, (count - 1) // 2)
    low = np.clip(np.asarray(place) - count + 1 + margin, 0, np.asarray(grid) - count)
    high = np.clip(np.asarray(place) - margin, 0, np.asarray(grid) - count)
    return random.integers(low, high + 1)


def move(image, lesion, random):
    """Turned by up to 10 degrees about each axis, 0.9 to 1.1 times as large, shifted by up to 5 % of the box."""
    matrix = np.eye(3)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        angle = math.radians(random.uniform(-10, 10))
        turn = np.eye(3)
        turn[[a, b], [a, b]] = math.cos(angle)
        turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
        matrix = turn @ matrix
    theta = np.column_stack([matrix / random.uniform(0.9, 1.1), random.uniform(-0.1, 0.1, 3)])
    theta = torch.from_numpy(theta.astype(np.float32))[None]

    def resample(x):
        grid = F.affine_grid(theta, [1, 1, *x.shape[1:]], align_corners=False)
        return F.grid_sample(x[None], grid, padding_mode="zeros", align_corners=False)[0]

    return resample(image), resample(lesion)


def cut_slices(image, lesion, random):
    """Up to 30 % of the box becomes background at one end, unless tumour lies there."""
    axis, share = int(random.integers(1, 4)), random.uniform(0.05, 0.3)
    low_end = random.random() < 0.5

    def outer(x):
        count = round(share * x.shape[axis])
        return x.narrow(axis, 0 if low_end else x.shape[axis] - count, count)

    if outer(lesion).any():
        return image
    image = image.clone()
    outer(image).zero_()
    return image


def change_intensities(image, random, highest):
    """Gamma and gain, and noise in a part of the scans; not of z-scores, of which no value stays what it was."""
    if highest is None:
        return image
    inside = image > 0
    gamma, gain = math.exp(random.normal(0, 0.15)), math.exp(random.normal(0, 0.08))
    image = gain * image.clamp_min(0) ** gamma
    if random.random() < 0.3:
        noise = random.standard_normal(image.shape, dtype=np.float32)
        image = image + float(random.uniform(0, 0.04)) * torch.from_numpy(noise)
    return image.clamp(0, highest) * inside
