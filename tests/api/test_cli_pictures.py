"""The maps and the pictures that the command writes."""

import nibabel
import numpy as np

from command import SHAPE, STEP, ANSWERED, WRONG_USAGE, head, affine, read_png, Case, main


class Attention(Case):
    def map(self, path="map.nii.gz"):
        image = nibabel.load(self.folder / path)
        return image, image.get_fdata()

    def test_map_lies_on_the_scan_and_peaks_where_the_report_says(self):
        answer = self.answer(self.scan(), "--attention", "map.nii.gz")
        image, voxels = self.map()
        np.testing.assert_allclose(image.affine, affine(), atol=1e-5)
        self.assertEqual(voxels.shape, SHAPE)
        self.assertEqual(image.get_data_dtype(), np.float32)
        self.assertEqual((voxels.min(), voxels.max()), (0, 1))
        self.assertEqual(voxels[tuple(answer["attention"]["peak_voxel"])], 1)
        self.assertEqual(answer["attention"]["path"], "map.nii.gz")
        self.assertEqual(answer["attention"]["scale"], "unit")

    def test_class_is_chosen_by_name_or_code_and_all_is_4d(self):
        scan = self.scan()
        answer = self.answer(scan, "--class", "all", "--attention", "all.nii")
        _, volumes = self.map("all.nii")
        codes = list(answer["probabilities"])
        self.assertEqual(volumes.shape, (*SHAPE, len(codes)))
        self.assertEqual([item["class"] for item in answer["attention"]["maps"]], codes)
        for index, item in enumerate(answer["attention"]["maps"]):
            self.assertEqual(volumes[(*item["peak_voxel"], index)], volumes[..., index].max())
        shown = answer["attention"]["maps"][answer["class"]["index"]]
        self.assertEqual({key: answer["attention"][key] for key in shown}, shown)
        one = self.answer(scan, "--class", codes[1].lower(), "--attention", "one.nii.gz")
        self.assertEqual(one["attention"]["class"], codes[1])
        self.assertEqual(one["class"], answer["class"])
        np.testing.assert_array_equal(self.map("one.nii.gz")[1], volumes[..., 1])

    def test_unknown_class_names_those_there_are(self):
        done = self.classify(self.scan(), "--class", "nonsense")
        self.check(done, WRONG_USAGE, "--class 'nonsense'", "HGG")

    def test_raw_scale_is_another_map(self):
        scan = self.scan()
        answer = self.answer(scan, "--attention", "raw.nii", "--attention-scale", "raw", "--attention-method", "cam")
        self.answer(scan, "--attention", "unit.nii", "--attention-scale=unit", "--attention-method", "cam")
        raw, unit = self.map("raw.nii")[1], self.map("unit.nii")[1]
        self.assertEqual(answer["attention"]["scale"], "raw")
        self.assertNotEqual(raw.max(), 1)
        rectified = np.maximum(raw, 0)
        scaled = (rectified - rectified.min()) / (rectified.max() - rectified.min())
        # one is rectified before it is interpolated, the other after, so they agree but for the borders
        self.assertGreater(np.corrcoef(scaled.ravel(), unit.ravel())[0, 1], 0.98)
        self.assertEqual(unit[tuple(answer["attention"]["peak_voxel"])], 1)

    def test_map_goes_to_standard_output_and_the_report_beside_it(self):
        done = self.classify("--json", self.scan(), "--attention", "-")
        self.assertEqual(done.returncode, ANSWERED)
        answer = self.objects(done.stderr)[0]
        image = nibabel.Nifti1Image.from_bytes(done.stdout)
        self.assertEqual(image.shape, SHAPE)
        self.assertEqual(image.get_fdata()[tuple(answer["attention"]["peak_voxel"])], 1)


class Overlay(Case):
    MARGIN, GAP, HEADER, FOOTER, LONGEST, LEAST = 24, 12, 84, 64, 460, 1000

    def draw(self, scan, *arguments):
        answer = self.answer(scan, "--overlay", "overlay.png", *arguments)
        self.assertEqual(answer["attention"]["overlay"], "overlay.png")
        return answer, read_png((self.folder / "overlay.png").read_bytes())

    def panels(self):
        """Left, top, width and height of the axial, coronal and sagittal plane, and the size of the picture."""
        scale = self.LONGEST / (STEP * max(SHAPE))
        x, y, z = [round(n * STEP * scale) for n in SHAPE]
        sizes, tallest = [(x, y), (x, z), (y, z)], max(y, z)
        total = sum(width for width, _ in sizes) + 2 * self.GAP
        picture = (self.HEADER + tallest + self.FOOTER, max(total, self.LEAST) + 2 * self.MARGIN, 3)
        left, panels = (picture[1] - total) // 2, []
        for width, height in sizes:
            panels.append((left, self.HEADER + (tallest - height) // 2, width, height))
            left += width + self.GAP
        return panels, picture, STEP * scale

    def test_picture_has_its_size_and_the_map_at_its_peak(self):
        answer, pixels = self.draw(self.scan())
        panels, picture, step = self.panels()
        self.assertEqual(pixels.shape, picture)
        peak, counts = answer["attention"]["peak_voxel"], SHAPE
        for (left, top, width, height), (across, up) in zip(panels, [(0, 1), (0, 2), (1, 2)]):
            # RAS voxels: the picture's left is the end of the first axis, its top that of the second
            x = left + int((counts[across] - 1 - peak[across] + 0.5) * step)
            y = top + int((counts[up] - 1 - peak[up] + 0.5) * step)
            red, _, blue = pixels[y, x]
            self.assertGreater(red - blue, 25, "at its peak the map is coloured")
            line = pixels[y, left:left + width]
            self.assertGreater((line[:, 2] - line[:, 0] > 10).mean(), 0.3, "the cross passes through the peak")

    def test_right_is_left_and_up_is_up(self):
        voxels = np.zeros(SHAPE, np.int16)
        voxels[2:-2, 2:-2, 2:-2] = 100
        voxels[SHAPE[0] // 2:, SHAPE[1] // 2:, SHAPE[2] // 2:] += 500  # right, front, top
        _, pixels = self.draw(self.scan(voxels=voxels + (np.arange(SHAPE[0]) % 2)[:, None, None].astype(np.int16)))
        panels, _, _ = self.panels()
        peak = self.answer(self.scan(voxels=voxels))["attention"]["peak_voxel"]
        for (left, top, width, height), through in zip(panels, (2, 1, 0)):
            grey = pixels[top:top + height, left:left + width].min(axis=2)
            quarters = [grey[:height // 2, :width // 2], grey[:height // 2, width // 2:],
                        grey[height // 2:, :width // 2], grey[height // 2:, width // 2:]]
            if peak[through] >= SHAPE[through] // 2:
                self.assertEqual(int(np.argmax([quarter.mean() for quarter in quarters])), 0)

    def test_the_way_voxels_lie_does_not_change_the_picture(self):
        turned = nibabel.Nifti1Image(head(), affine()).as_reoriented([[2, -1], [0, 1], [1, -1]])
        self.assertNotEqual(nibabel.aff2axcodes(turned.affine), ("R", "A", "S"))
        straight, other = self.scan("a/scan.nii.gz"), self.scan("b/scan.nii.gz", turned.dataobj, turned.affine)
        peaks = [[item["peak_mm"] for item in self.answer(path, "--class", "all")["attention"]["maps"]]
                 for path in (straight, other)]
        np.testing.assert_allclose(*peaks, atol=1e-4)
        _, expected = self.draw(straight)
        _, pixels = self.draw(other)
        self.assertEqual(pixels.shape, expected.shape)
        self.assertLess((abs(pixels - expected).max(axis=2) > 2).mean(), 0.002)
        mirrored = affine()
        mirrored[0] *= -1
        _, pixels = self.draw(self.scan("c/scan.nii.gz", matrix=mirrored))
        self.assertGreater((abs(pixels - expected).max(axis=2) > 2).mean(), 0.02)

    def test_picture_of_every_class_shows_the_predicted_one(self):
        scan = self.scan()
        _, expected = self.draw(scan)
        _, pixels = self.draw(scan, "--class", "all", "--attention-scale", "unit")
        np.testing.assert_array_equal(pixels, expected)

    def test_picture_goes_to_standard_output(self):
        done = self.classify(self.scan(), "--overlay", "-")
        self.assertEqual(done.returncode, ANSWERED)
        self.assertEqual(read_png(done.stdout).shape, self.panels()[1])
        self.assertIn(b"Research use", done.stderr)


if __name__ == "__main__":
    main()
