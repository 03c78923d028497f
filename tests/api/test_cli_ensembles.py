"""Several models, flips, the choice of the map, and how far to trust the class, through the command."""
import unittest

import nibabel
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from command import MODEL, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, Case, main


def changed_model(path, scale=1.0, codes=None):
    """The untrained model with its last layer scaled, or with other class codes."""
    model = onnx.load(MODEL)
    for tensor in model.graph.initializer:
        if list(tensor.dims)[:1] == [7] and len(tensor.dims) == 2:
            tensor.CopyFrom(numpy_helper.from_array(scale * numpy_helper.to_array(tensor), tensor.name))
    for item in model.metadata_props:
        if item.key == "tumorclass.class_codes" and codes:
            item.value = codes
    kept = [item for item in model.metadata_props if item.key != "tumorclass.selftest"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, path)
    return path


def unpooled_model(path):
    """Two classes from a convolution that leaves one cell: nothing to make maps from."""
    weight = numpy_helper.from_array(np.linspace(-1, 1, 2 * 16**3, dtype=np.float32).reshape(2, 1, 16, 16, 16), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Flatten", ["c"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", (1, 1, 16, 16, 16)), ("y", (1, 2)))]
    graph = helper.make_graph(nodes, "unpooled", ends[:1], ends[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


class Ensembles(Case):
    def answer_of(self, models, *arguments):
        options = [word for model in models for word in ("--model", model)]
        done = self.run_cli("classify", "--json", *options, *arguments)
        self.check(done, ANSWERED)
        return self.objects(done.stdout)[0]

    def test_answer_is_the_mean_of_the_models_answers(self):
        scan, other = self.scan(), changed_model(self.folder / "other.onnx", -3)
        first, second, both = [self.answer_of(models, scan) for models in ([MODEL], [other], [MODEL, other])]
        self.assertEqual([m["name"] for m in both["members"]], ["untrained.onnx", "other.onnx"])
        for code, p in both["probabilities"].items():
            a, b = first["probabilities"][code], second["probabilities"][code]
            self.assertAlmostEqual(p, (a + b) / 2, places=6)
            self.assertAlmostEqual(both["spread"][code], abs(a - b) / 2, places=6)
        self.assertGreater(max(both["spread"].values()), 1e-3)
        self.assertEqual(both["provenance"]["model_2"], "other.onnx")
        self.assertEqual(both["provenance"]["model_2_sha256"], second["provenance"]["model_sha256"])
        self.assertIsNone(both["confidence"]["prediction_set"])

    def test_raw_map_is_the_mean_of_the_models_maps(self):
        scan, other = self.scan(), changed_model(self.folder / "other.onnx", -3)
        maps = []
        for models in ([MODEL], [other], [MODEL, other]):
            out = self.folder / f"{len(maps)}.nii"
            self.answer_of(models, "--class", "MEN", "--attention-scale", "raw", "--attention", out, scan)
            maps.append(np.asarray(nibabel.load(out).dataobj))
        largest = abs(maps[2]).max()
        np.testing.assert_allclose(maps[2], (maps[0] + maps[1]) / 2, atol=1e-5 * largest)

    def test_models_of_other_classes_cannot_answer_together(self):
        other = changed_model(self.folder / "other.onnx", codes="HGG,LGG,METS,PA,AN,HLTH,XX")
        done = self.classify("--model", other, self.scan())
        self.check(done, MODEL_FAILED, "cannot answer together", "class 6 is XX in other.onnx and MEN in untrained.onnx")

    def test_models_of_fewer_classes_neither_and_no_map_is_made_of_what_is_not_pooled(self):
        scan, other = self.scan(), unpooled_model(self.folder / "other.onnx")
        self.check(self.classify("--model", other, scan), MODEL_FAILED,
                   "other.onnx has 2 classes, untrained.onnx has 7: they cannot answer together")
        done = self.run_cli("classify", "--json", "-m", other, scan, "-a", "map.nii")
        self.check(done, SCAN_FAILED, "other.onnx has no global average pool in front of its last dense layer")
        self.assertIsNone(self.objects(self.run_cli("classify", "--json", "-m", other, scan).stdout)[0]["attention"])

    def test_commands_of_one_model_refuse_two(self):
        done = self.run_cli("preprocess", "-m", MODEL, "-m", MODEL, "-o", "out.nii", self.scan())
        self.check(done, WRONG_USAGE, "preprocess takes one --model, not 2")

    def test_flips_are_members_and_stand_in_the_provenance(self):
        answer = self.answer(self.scan(), "--flip", "left-right,down-up")
        self.assertEqual(len(answer["members"]), 4)
        self.assertEqual(answer["members"][3]["name"], "untrained.onnx, flipped left-right down-up")
        self.assertEqual(answer["provenance"]["flips"].split(), ["left-right", "down-up"])
        for code, p in answer["probabilities"].items():
            own = [m["probabilities"][code] for m in answer["members"]]
            self.assertAlmostEqual(p, np.mean(own), places=6)
            self.assertAlmostEqual(answer["spread"][code], np.std(own), places=6)
        self.check(self.classify("--flip", "sideways", self.scan()), WRONG_USAGE, "--flip 'sideways'")

    def test_text_tells_of_members_and_of_the_top_classes(self):
        done = self.classify("--flip", "left-right", "--top", "2", self.scan())
        self.check(done, ANSWERED)
        self.assertIn(b"mean of 2 runs", done.stdout)
        self.assertIn(b"and 5 less probable ones", done.stdout)
        self.assertIn(b"Confidence", done.stdout)


class Trust(Case):
    def model(self, **metadata):
        """The untrained model as a trained one would describe itself."""
        model = onnx.load(MODEL)
        kept = [item for item in model.metadata_props if item.key not in ("tumorclass.trained", "tumorclass.selftest")]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        for key, value in metadata.items():
            item = model.metadata_props.add()
            item.key, item.value = "tumorclass." + key.replace("__", "."), value
        path = self.folder / "trusted.onnx"
        onnx.save(model, path)
        return path

    def answer_of(self, model, *arguments):
        done = self.run_cli("classify", "--json", "--model", model, self.scan(), *arguments)
        self.check(done, ANSWERED)
        return self.objects(done.stdout)[0]

    def test_scan_unlike_the_training_ones_is_warned_of_and_refused_in_strict_mode(self):
        cloud = {"ood__centres": ",".join(["0"] * 32), "ood__deviations": ",".join(["0.001"] * 32)}
        near = self.model(ood__threshold="1e9", **cloud)
        self.assertEqual(self.answer_of(near, "--strict")["qc"], [])
        far = self.model(ood__threshold="0.5", **cloud)
        answer = self.answer_of(far)
        self.assertEqual([item["code"] for item in answer["qc"]], ["unlike_training"])
        self.assertEqual(answer["qc"][0]["value"], answer["confidence"]["unlikeness"])
        self.assertEqual(answer["confidence"]["most_unlikeness"], 0.5)
        done = self.run_cli("classify", "--strict", "--model", far, self.scan())
        self.check(done, SCAN_FAILED, "strict mode: unlike_training")

    def test_prediction_set_and_abstention_follow_the_thresholds(self):
        plain = self.answer_of(self.model())
        self.assertIsNone(plain["confidence"]["prediction_set"])
        shares = plain["probabilities"]
        limit = sorted(shares.values())[-3]
        thresholds = {"calibration__coverage": "0.9", "calibration__conformal": ",".join([f"{1 - limit + 1e-6:.7f}"] * 7)}
        answer = self.answer_of(self.model(**thresholds))
        self.assertEqual(answer["confidence"]["prediction_set"], sorted(shares, key=shares.get)[:-4:-1])
        self.assertEqual(answer["confidence"]["coverage"], 0.9)
        self.assertIsNone(answer["confidence"]["abstention"])
        empty = self.answer_of(self.model(calibration__coverage="0.9", calibration__conformal=",".join(["0"] * 7)))
        self.assertEqual(empty["confidence"]["prediction_set"], [])
        self.assertIsNotNone(empty["confidence"]["abstention"])
        unsure = self.model(calibration__abstain="0.999")
        self.assertIsNotNone(self.answer_of(unsure)["confidence"]["abstention"])
        self.assertIn(b"Abstains", self.run_cli("classify", "--model", unsure, self.scan()).stdout)


class Methods(Case):
    def test_method_and_level_are_what_was_asked_for(self):
        scan = self.scan()
        self.assertRegex(self.answer(scan)["attention"]["method"], r"^HiResCAM, level 3 of 5 \(16 x 16 x 16 cells\)$")
        for options, wanted in ((["cam"], r"^CAM \(4 x 4 x 4 cells\)$"), (["gradcam"], r"^Grad-CAM, level 3 of 5"),
                                (["hirescam", "--attention-level", "2"], r"^HiResCAM, level 2 of 5 \(32 x")):
            answer = self.answer(scan, "--attention-method", *options)
            self.assertRegex(answer["attention"]["method"], wanted)

    def test_coarsest_level_is_the_class_activation_map(self):
        maps = []
        for options in (["cam"], ["hirescam", "--attention-level", "5"]):
            out = self.folder / f"{len(maps)}.nii"
            self.check(self.classify("--attention-method", *options, "--attention-scale", "raw", "--attention", out,
                                     self.scan()), ANSWERED)
            maps.append(np.asarray(nibabel.load(out).dataobj))
        np.testing.assert_allclose(maps[0], maps[1], atol=1e-5 * abs(maps[0]).max())

    def test_levels_that_are_none_are_refused(self):
        self.check(self.classify("--attention-level", "9", self.scan()), SCAN_FAILED, "has 5 levels")
        self.check(self.classify("--attention-method", "cam", "--attention-level", "2", self.scan()), SCAN_FAILED,
                   "it has no level 2")
        self.check(self.classify("--attention-method", "lime", self.scan()), WRONG_USAGE, "auto, cam, gradcam")

    def test_embedding_is_given_when_asked_for(self):
        answer = self.answer(self.scan(), "--embedding")
        self.assertEqual(len(answer["embedding"]), 32)
        self.assertNotIn("embedding", self.answer(self.scan()))


if __name__ == "__main__":
    main()
