"""Scans of the cohort as other software reads them: affine, shape and voxels are those that the generator wrote."""
import subprocess
import sys
import tempfile

import nibabel
import numpy

with tempfile.TemporaryDirectory() as folder:
    lines = subprocess.run([sys.argv[1], folder], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 12, lines
    orders, types = set(), set()
    for line in lines:
        path, *numbers = line.split()
        numbers = [float(n) for n in numbers]
        shape, affine, voxel, value = numbers[:3], numpy.reshape(numbers[3:15], (3, 4)), numbers[15:18], numbers[18]
        image = nibabel.load(path)
        numpy.testing.assert_array_equal(image.shape, shape)
        numpy.testing.assert_allclose(image.affine[:3], affine, atol=1e-4)
        numpy.testing.assert_allclose(image.get_qform()[:3], affine, atol=2e-3)
        assert numpy.float32(image.get_fdata()[tuple(int(v) for v in voxel)]) == numpy.float32(value), line
        orders.add(nibabel.aff2axcodes(image.affine))
        types.add(str(image.get_data_dtype()))
    assert len(orders) >= 4 and len(types) >= 2, (orders, types)
    print(f"{len(lines)} scans in {len(orders)} orders, of {sorted(types)}")
