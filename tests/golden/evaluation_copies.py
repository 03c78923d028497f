"""Changed copies of a cohort: each differs from the original in what it says, and in nothing else."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

COPIES = pathlib.Path(__file__).parents[2] / "examples/evaluation/copies.py"
AFFINE = np.array([[-1.0, 0, 0, 20], [0, 0, 1.5, -18], [0, 2.0, 0, -30], [0, 0, 0, 1]])


def original(folder):
    """A ball of noise on a constant background, a bright tumour in it."""
    random = np.random.default_rng(1)
    at = np.stack(np.meshgrid(*(np.arange(n) for n in (40, 44, 28)), indexing="ij"))
    middle = np.array([20, 20, 14])[:, None, None, None]
    inside = (((at - middle) / np.array([16, 18, 11])[:, None, None, None]) ** 2).sum(0) < 1
    data = np.where(inside, random.normal(300, 20, inside.shape), 0)
    mask = (np.abs(at - np.array([25, 24, 12])[:, None, None, None]).max(0) <= 2).astype(np.uint8)
    data[mask == 1] = 900
    anat = folder / "sub-1" / "anat"
    anat.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(data.astype(np.int16), AFFINE), anat / "sub-1_T1w.nii.gz")
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), anat / "sub-1_lesion.nii.gz")
    (folder / "participants.tsv").write_text("participant_id\tclass\nsub-1\tMEN\n")
    return data.astype(np.int16), mask, inside


def copy(folder, kind):
    target = folder.with_name(kind)
    subprocess.run([sys.executable, COPIES, folder, "--kind", kind, "--output", target], check=True,
                   stderr=subprocess.DEVNULL)
    assert (target / "participants.tsv").read_bytes() == (folder / "participants.tsv").read_bytes()
    return nibabel.load(target / "sub-1/anat/sub-1_T1w.nii.gz")


def brightest_mm(image):
    data = image.get_fdata()
    return nibabel.affines.apply_affine(image.affine, np.argwhere(data > 0.9 * data.max()).mean(0))


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "cohort"
        data, mask, inside = original(folder)
        lesion_mm = nibabel.affines.apply_affine(AFFINE, np.argwhere(mask == 1).mean(0))

        z = copy(folder, "z-scored").get_fdata()
        assert abs(z[inside].mean()) < 1e-3 and abs(z[inside].std() - 1) < 1e-3 and np.ptp(z[data == 0]) == 0
        assert np.corrcoef(z[inside], data[inside])[0, 1] > 0.999999

        eight = copy(folder, "8-bit")
        assert eight.get_data_dtype() == np.uint8 and np.asarray(eight.dataobj).max() == 255
        assert np.corrcoef(np.asarray(eight.dataobj)[inside], data[inside])[0, 1] > 0.999

        turned = copy(folder, "reoriented")
        same = nibabel.as_closest_canonical(nibabel.Nifti1Image(data, AFFINE))
        canonical = nibabel.as_closest_canonical(turned)
        assert turned.shape != data.shape and np.array_equal(canonical.get_fdata(), same.get_fdata())
        assert np.allclose(canonical.affine, same.affine)

        slab = copy(folder, "slab")
        zooms = slab.header.get_zooms()
        assert sorted(slab.shape)[0] <= 8 and np.isclose(max(zooms), 7, atol=1), (slab.shape, zooms)
        assert np.abs(brightest_mm(slab) - lesion_mm).max() < 3.6, (brightest_mm(slab), lesion_mm)

        grey = copy(folder, "greyed").get_fdata()
        assert np.ptp(grey[mask == 1]) == 0 and abs(grey[mask == 1].mean() - 300) < 20
        changed = np.argwhere(grey != data)
        reach = np.abs((changed - np.argwhere(mask == 1).mean(0)) * (1, 2, 1.5)).max(0)
        assert (reach <= np.array([2, 2, 2]) * (1, 2, 1.5) + 4.01).all() and (grey == data).mean() > 0.9
        shutil.rmtree(folder)
    print("z-scored, 8-bit, reoriented, slab and greyed copies are what they say")


if __name__ == "__main__":
    main()
