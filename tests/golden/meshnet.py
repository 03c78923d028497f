"""A trained network of others on a real head, through lib/network: the label map that came with it.

Its input: the scan as stored, k slowest, its 2nd and 98th percentile mapped to 0 and 1, clipped. Found by trying what
its authors' viewers offer: with ONNX Runtime this gives the stored label map in every voxel.
"""
import os
import sys

import nibabel
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support import run_graph, test_data

TIED = 1e-4  # two best logits this close may fall either way
TIES_ALLOWED = 20


def network_input(scan):
    low, high = np.percentile(scan, (2, 98))
    return np.clip((scan.astype(np.float32) - low) / (high - low), 0, 1).T[None, None]


def main():
    model = test_data("nets/meshnet5.onnx")
    scan = np.asarray(nibabel.load(test_data("healthy/t1_crop.nii.gz")).dataobj)
    labels = np.asarray(nibabel.load(test_data("nets/meshnet5_labels_of_t1_crop.nii.gz")).dataobj)

    ((_, logits),) = run_graph(model, network_input(scan), output_only=True)
    logits = logits[0].transpose(0, 3, 2, 1)
    wrong = logits.argmax(0) != labels
    ranked = np.sort(logits[:, wrong], axis=0)
    gaps = ranked[-1] - ranked[-2]
    counts = np.bincount(labels.ravel(), minlength=len(logits))
    print(f"voxels by label: {counts.tolist()}; {wrong.sum()} differ, "
          f"{(gaps >= TIED).sum()} of them with logits {TIED} or more apart")
    assert logits.shape[1:] == labels.shape and counts.min() > 100_000
    assert wrong.sum() <= TIES_ALLOWED and (gaps < TIED).all()


if __name__ == "__main__":
    main()
