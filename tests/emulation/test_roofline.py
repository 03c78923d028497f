#!/usr/bin/env python3
"""The bound on paper counts the multiplications that the library counts, and each tensor as often as it is moved."""
import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks/gpu"), str(ROOT / "tests/api")]
import roofline  # noqa: E402
from command import CLI, main  # noqa: E402


class Roofline(unittest.TestCase):
    def setUp(self):
        self.model = ROOT / "examples/models/synthetic.onnx"
        self.network = roofline.Network(self.model)
        self.steps = {step.name: step for step in self.network.steps()}

    def test_multiplications_are_the_librarys(self):
        told = json.loads(subprocess.run([CLI, "info", self.model, "--json"], capture_output=True, check=True).stdout)
        counted = sum(step.flops for step in self.steps.values()) / 2
        first = next(step for step in self.steps.values() if step.flops)  # which reads the input in two parts
        self.assertAlmostEqual((counted - first.flops / 4) / int(told["facts"]["multiplications"]), 1, delta=0.001)

    def test_bytes_of_a_convolution_and_of_a_norm(self):
        shape, weights = (16, 48, 48, 48), 16 * 16 * 27
        tensor = 2 * shape[0] * shape[1] * shape[2] * shape[3]
        self.assertEqual(self.steps["level1.block1.conv"].size, 2 * tensor + 2 * weights)
        self.assertEqual(self.steps["level1.block1.norm"].size, 3 * tensor)
        self.assertEqual(self.steps["level1.block2.norm"].size, 4 * tensor, "with the residual")

    def test_a_step_takes_what_takes_longer(self):
        step = roofline.Step("step", flops=65e9, size=32e6)
        self.assertAlmostEqual(step.seconds("T4"), 1e-3)
        self.assertAlmostEqual(roofline.Step("step", flops=1, size=320e6).seconds("T4"), 1e-3)


if __name__ == "__main__":
    main()
