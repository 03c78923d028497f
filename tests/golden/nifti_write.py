"""What the library writes, nibabel reads back: same grid, codes, units, data type and voxels."""
import itertools
import os
import pathlib
import subprocess
import tempfile

import nibabel
import numpy as np

WRITE = pathlib.Path(os.environ["TUMORCLASS_BUILD"]) / "tests/golden/write_image"
DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "i8", 8: "u8", 9: "f4", 10: "f4", 11: "f8"}
SHAPE = (5, 4, 3)

STRAIGHT = np.array([[-1.5, 0, 0, 80], [0, 0, 2, -120], [0, 1, 0, -60], [0, 0, 0, 1]])
TURN = nibabel.eulerangles.euler2mat(0.3, -0.2, 0.1)
OBLIQUE = nibabel.affines.from_matvec(TURN @ np.diag([-0.9, 1.1, 3]), [70, -100, -55])
SHEARED = OBLIQUE @ np.array([[1, 0.1, 0, 0], [0, 1, -0.05, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def write(path, dtype=10, shape=SHAPE, count=1, layout="fortran", affine=OBLIQUE, slope=0, intercept=0, like="-"):
    numbers = ",".join(repr(float(number)) for number in affine[:3].ravel())
    extents = ",".join(map(str, shape))
    command = [WRITE, path, str(dtype), extents, str(count), layout, numbers, f"{slope},{intercept}", like]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, f"{done.returncode} {done.stdout} {done.stderr}"
    return nibabel.load(path)


def voxels(shape=SHAPE, count=1):
    i, j, k, n = np.ogrid[: shape[0], : shape[1], : shape[2], :count]
    values = (7 * i + 5 * j + 3 * k + n) % 100
    return values if count > 1 else values[..., 0]


def expect(image, shape=SHAPE, count=1, dtype=10):
    assert image.shape == (shape if count == 1 else (*shape, count)), image.shape
    assert image.header.get_data_dtype() == np.dtype(DTYPES[dtype]), image.header.get_data_dtype()
    assert np.array_equal(image.dataobj.get_unscaled(), voxels(shape, count))
    assert image.header["descrip"].item().endswith(b", research use, not for diagnosis")


def check_types(folder):
    for dtype, layout, end in itertools.product(DTYPES, ("fortran", "c", "flipped"), (".nii", ".nii.gz")):
        image = write(f"{folder}/a{end}", dtype=dtype, layout=layout)
        expect(image, dtype=dtype)
        assert isinstance(image, nibabel.Nifti1Image)
        assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)
        assert (image.header["cal_min"], image.header["cal_max"]) == (0, voxels().max())


def check_affines(folder):
    for affine, qform_code in ((STRAIGHT, 1), (OBLIQUE, 1), (SHEARED, 0)):
        image = write(f"{folder}/a.nii", affine=affine)
        header = image.header
        assert np.allclose(header.get_sform(), affine, atol=1e-5) and header["sform_code"] == 1
        assert header["qform_code"] == qform_code
        if qform_code:
            assert np.allclose(header.get_qform(), affine, atol=1e-4)
        assert header.get_xyzt_units()[0] == "mm"
        assert np.allclose(header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0))


def check_shapes(folder):
    for shape, count in ((SHAPE, 4), ((1, 1, 1), 1), ((40000, 1, 1), 1), ((1, 1, 33000), 2)):
        image = write(f"{folder}/a.nii.gz", shape=shape, count=count)
        expect(image, shape=shape, count=count)
        assert isinstance(image, nibabel.Nifti2Image) == (max(shape) > 32767)


def check_scaling(folder):
    image = write(f"{folder}/a.nii", dtype=3, slope=0.5, intercept=-20)
    expect(image, dtype=3)
    assert (image.dataobj.slope, image.dataobj.inter) == (0.5, -20)
    assert np.array_equal(image.get_fdata(), voxels() * 0.5 - 20)


def make_like(path, kind, sform_code, qform_code, units):
    like = kind(np.zeros(SHAPE, np.int16), OBLIQUE)
    like.header.set_sform(SHEARED, sform_code)
    like.header.set_qform(OBLIQUE, qform_code)
    like.header.set_xyzt_units(*units)
    like.header["descrip"] = b"DOE^JOHN"
    nibabel.save(like, path)
    return nibabel.load(path)


def check_like(folder):
    kinds = ((nibabel.Nifti1Image, ".nii"), (nibabel.Nifti2Image, ".nii.gz"), (nibabel.Nifti1Pair, ".img"))
    codes = ((2, 0), (0, 3), (4, 1), (0, 0))
    for (kind, end), (sform_code, qform_code), units in itertools.product(kinds, codes, (("mm", "sec"), ("unknown",))):
        like = make_like(f"{folder}/like{end}", kind, sform_code, qform_code, units)
        image = write(f"{folder}/a.nii.gz", count=2, affine=STRAIGHT, like=f"{folder}/like{end}")
        expect(image, count=2)
        assert np.array_equal(image.affine, like.affine)
        assert np.array_equal(image.header.get_sform(), like.header.get_sform())
        assert np.array_equal(image.header.get_qform(), like.header.get_qform())
        assert image.header.get_xyzt_units() == like.header.get_xyzt_units()
        for field in ("sform_code", "qform_code", "quatern_b", "quatern_c", "quatern_d"):
            assert image.header[field] == like.header[field], field
        assert np.array_equal(image.header["pixdim"][:4], like.header["pixdim"][:4])
        assert isinstance(image, nibabel.Nifti2Image) == (kind is nibabel.Nifti2Image)


def check_standard_output(folder):
    numbers = ",".join(map(str, OBLIQUE[:3].ravel()))
    with open(f"{folder}/a.nii", "wb") as file:
        subprocess.run([WRITE, "-", "10", "5,4,3", "1", "c", numbers, "0,0", "-"], stdout=file, check=True)
    expect(nibabel.load(f"{folder}/a.nii"))


nibabel.imageglobals.error_level = 10  # whatever nibabel would mend or mention in a header is an error
for check in (check_types, check_affines, check_shapes, check_scaling, check_like, check_standard_output):
    with tempfile.TemporaryDirectory() as temporary:
        check(temporary)
    print(f"{check.__name__}: as nibabel reads it")
