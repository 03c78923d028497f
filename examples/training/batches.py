"""What a training step learns from: whole scans, or cubes round their lesions."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from augment import augment, corner_of_crop, flip, place_in
from prepared import CELL, limits


def batch_of(run, step, data, order, labels, healthy):
    """The step's images, labels and lesions. healthy: the class of a scan without lesion; None: there is none."""
    settings, chosen, images, lesions = run.settings, [], [], []
    orientation = data.spec["input.orientation"]
    axis = 1 + next(i for i, letter in enumerate(orientation) if letter in "RL")
    highest = limits(data.spec)[1] if limits(data.spec) else None
    change = augment if settings["augment"] else flip
    extent = run.extent(step)
    first = step * max(settings["batch"], settings["crop_batch"])
    for n in range(first, first + settings["crop_batch" if extent else "batch"]):
        random, index = np.random.default_rng((settings["seed"], 1, n)), order[n]
        label = labels[index]
        if extent:
            away = healthy is not None and random.random() < settings["elsewhere"]
            seen = crop_of(data, order, n, extent // CELL, random, away)
            if away and not seen[1].any() and data.lesions([index]).any():
                label = healthy
        else:
            seen = data.images([index])[0], data.lesions([index])[0]
        image, lesion = change(*map(torch.from_numpy, seen), random, axis, highest)
        chosen.append(label)
        images.append(image)
        lesions.append(lesion)
    return torch.stack(images), torch.tensor(chosen), torch.stack(lesions)


def crop_of(data, order, n, count, random, away=False):
    """Of the scan's lesion; of a scan without one, or away from it, where another scan has its own: the place must not
    tell the class. It is a place that the scan shows."""
    place = np.array(data.lesion_shape) // 2
    for other in range(n + away, n + 200):
        found = place_in(data.lesions([order[other]])[0], random)
        if found is not None and data.shows(order[n], found):
            place = found
            break
    return data.crop(order[n], corner_of_crop(place, data.lesion_shape, count, random), count)


def batches(run, *source):
    """The batches of all steps from the run's on; each is made while the one before it is learned from."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(batch_of, run, run.step, *source)
        for step in range(run.step + 1, run.settings["steps"] + 1):
            batch = coming.result()
            if step < run.settings["steps"]:
                coming = worker.submit(batch_of, run, step, *source)
            yield batch
