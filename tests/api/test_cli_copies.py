"""Copies of one head get one answer: however its file says where it lies, and whatever its voxels' size."""
import pathlib
import unittest

import nibabel
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage

from command import MODEL, ANSWERED, Case, head, main

BRAIN = pathlib.Path("/usr/share/mricron/templates/ch2bet.nii.gz")  # Debian's mricron-data


def turned(angle, shear=0.0):
    """A 4 mm grid, rotated by `angle` degrees about two axes."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    matrix = np.eye(4)
    matrix[:3, :3] = 4 * np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix[:3, 1] += shear * matrix[:3, 0]
    matrix[:3, 3] = -90, -100, -75
    return matrix


def image_of(kind, order, forms, voxels, matrix):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(voxels.dtype.newbyteorder(order))
    image = kind(voxels, matrix, header)
    image.set_sform(matrix if "s" in forms else None, int("s" in forms))
    image.set_qform(matrix if "q" in forms else None, int("q" in forms))
    return image


class Files(Case):
    def write_copies(self, matrix, forms_list):
        """The head, and its brain as a mask, in every version, byte order and choice of forms: their names."""
        voxels, names = head(), []
        brain = (ndimage.uniform_filter(voxels.astype(float), 5) > 400).astype(np.uint8)
        kinds = [(nibabel.Nifti1Image, ".nii"), (nibabel.Nifti2Image, ".nii.gz"), (nibabel.Nifti1Pair, ".img")]
        (self.folder / "masks").mkdir()
        for kind, suffix in kinds:
            for order in "<>":
                for forms in forms_list:
                    name = f"{kind.__name__}-{'little' if order == '<' else 'big'}-{forms}"
                    image_of(kind, order, forms, voxels, matrix).to_filename(self.folder / (name + suffix))
                    mask = image_of(nibabel.Nifti1Image, order, forms[::-1], brain, matrix)
                    mask.to_filename(self.folder / f"masks/{name}.nii")
                    names.append(name + suffix)
        big = self.folder / f"Nifti1Image-big-{forms_list[0]}.nii"
        self.assertEqual(big.read_bytes()[:4], (348).to_bytes(4, "big"))
        return names

    def check_copies(self, matrix, forms_list, *arguments):
        done = self.classify("--json", *self.write_copies(matrix, forms_list), *arguments)
        self.check(done, ANSWERED)
        first, *others = self.objects(done.stdout)
        self.assertEqual(len(others), 6 * len(forms_list) - 1)
        for other in others:
            self.assertEqual(other["logits"], first["logits"], other["scan"])
            self.assertEqual(other["attention"]["peak_voxel"], first["attention"]["peak_voxel"], other["scan"])
            np.testing.assert_allclose(other["attention"]["peak_mm"], first["attention"]["peak_mm"], atol=2e-3)
            self.assertEqual(other["qc"], first["qc"], other["scan"])

    def test_forms_versions_and_byte_orders_do_not_matter(self):
        self.check_copies(turned(25), ["s", "q", "sq"])

    def test_nor_do_they_of_masks(self):
        self.check_copies(turned(0), ["s", "q", "sq"], "--mask", "masks/{scan}.nii")

    def test_nor_where_axes_are_sheared_and_no_qform_can_say_so(self):
        self.check_copies(turned(40, 0.2), ["s"])


def lesion_network(path, grid):
    """A network that can be worked out by hand: bright voxels of a blurred scan (class 0) against a constant (class 1).
    Untrained weights would do nothing here: their answers hardly depend on the scan."""
    shape = (64, 64, 64)
    weights = {
        "box": np.full((1, 1, 3, 3, 3), 1 / 27), "least": np.array([-1.9]), "keep": np.ones((1, 1, 1, 1, 1)),
        "dense": np.array([[900.0], [0.0]]), "bias": np.array([0.0, 0.6]),
    }
    pooled = {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}
    nodes = [
        helper.make_node("Conv", ["scan", "box", "least"], ["blurred"], pads=[1] * 6),
        helper.make_node("Relu", ["blurred"], ["bright"]),
        helper.make_node("AveragePool", ["bright"], ["half"], **pooled),
        helper.make_node("Conv", ["half", "keep"], ["level2"]),
        helper.make_node("AveragePool", ["level2"], ["quarter"], **pooled),
        helper.make_node("Conv", ["quarter", "keep"], ["level3"]),
        helper.make_node("GlobalAveragePool", ["level3"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "bias"], ["logits"], transB=1),
    ]
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(
        nodes, "lesion", [helper.make_tensor_value_info("scan", TensorProto.FLOAT, [1, 1, *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"tumorclass.schema": "1", "tumorclass.classes": "lesion,none",
                                   "tumorclass.input.grid": grid, "tumorclass.background": "0"})
    onnx.save(model, path)


def resampled(voxels, matrix, steps):
    """On another grid with the same middle, blurred first where that is coarser; linear."""
    ratio = np.array(steps) / np.linalg.norm(matrix[:3, :3], axis=0)
    shape = np.ceil(np.array(voxels.shape) / ratio - 1e-6).astype(int)
    first = (np.array(voxels.shape) - 1) / 2 - (shape - 1) / 2 * ratio
    blurred = ndimage.gaussian_filter(voxels, np.maximum(ratio - 1, 0) / 2)
    copy = ndimage.affine_transform(blurred, ratio, first, tuple(shape), order=1)
    moved = matrix.copy()
    moved[:3, :3] = matrix[:3, :3] * ratio
    moved[:3, 3] = matrix[:3, :3] @ first + matrix[:3, 3]
    return copy.round().astype(np.int16), moved


@unittest.skipUnless(BRAIN.is_file(), "mricron-data is not installed")
class Resampled(Case):
    LESION = np.array([31.0, -22.0, 24.0])  # mm; some 2 cm wide
    STEPS = [(0.7, 0.7, 0.7), (1, 1, 1), (1.3, 1.3, 1.3), (1, 1, 3)]

    def brain(self, with_lesion):
        image = nibabel.load(BRAIN).slicer[10:172, 12:206, 2:160]  # margins that hold next to nothing
        voxels = np.asarray(image.dataobj).astype(np.float32)
        at = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1) + image.affine[:3, 3]
        spot = np.exp(-0.5 * ((at - self.LESION) ** 2).sum(-1) / 6**2)
        return ndimage.gaussian_filter(voxels, 1) + (250 * spot if with_lesion else 0), image.affine

    def answers(self, grid, with_lesion, steps):
        voxels, matrix = self.brain(with_lesion)
        names = []
        for n, step in enumerate(steps):
            copy, moved = resampled(voxels, matrix, step)
            names.append(self.scan(f"{n}.nii", copy, moved))
        lesion_network(self.folder / "lesion.onnx", grid)
        done = self.run_cli("classify", "-m", "lesion.onnx", "--json", *names)
        self.check(done, ANSWERED)
        return self.objects(done.stdout)

    def check_grid(self, grid, cell):
        """`cell`: mm of the fine map's cells, along each axis."""
        self.assertEqual(self.answers(grid, False, [(1, 1, 1)])[0]["class"]["code"], "none")
        found = self.answers(grid, True, self.STEPS)
        shares = [answer["probabilities"]["lesion"] for answer in found]
        self.assertTrue(all(0.6 < share < 0.9 for share in shares), "neither sure nor a coin's toss: %s" % shares)
        self.assertLess(max(shares) - min(shares), 0.05)
        for answer in found:
            away = np.abs(np.array(answer["attention"]["peak_mm"]) - self.LESION)
            self.assertTrue(np.all(away <= cell), f"{answer['scan']}: {away}")
            np.testing.assert_allclose(answer["attention"]["centre_mm"], self.LESION, atol=0.8)
            self.assertEqual(answer["attention"]["method"], "HiResCAM, level 2 of 3 (32 x 32 x 32 cells)")

    def test_stretched_copies_have_one_answer(self):
        self.check_grid("stretch", np.array([162, 194, 158]) / 32)

    def test_copies_in_millimetres_have_one_answer(self):
        self.check_grid("spacing 3,3,3", np.full(3, 6.0))


if __name__ == "__main__":
    main()
