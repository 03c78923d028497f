"""SIGINT and SIGTERM at 200 random moments of a short run: it ends with 128 + the signal's number, or was done already;
every output is there whole or not at all."""
import os
import random
import signal
import subprocess
import sys
import time

from command import CLI, ROOT, Case, main

TIMES = 200
MAP, PICTURE = ("-a", "out/map.nii.gz"), ("-p", "out/overlay.png")


class Signals(Case):
    def setUp(self):
        super().setUp()
        self.scan("scan.nii.gz")
        self.out = self.folder / "out"
        self.out.mkdir()
        subprocess.run([sys.executable, ROOT / "examples/training/reference_model.py", "--filters", "2", "--shape",
                        "32,32,32", "--output", self.folder / "m.onnx"], check=True, capture_output=True)

    def start(self, *arguments):
        return subprocess.Popen([CLI, "classify", "--json", "-m", "m.onnx", "scan.nii.gz", "-t", "2", *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, cwd=self.folder)

    def finish(self, process):
        """The code as a shell has it, and the outputs; they are gone afterwards."""
        output, told = process.communicate(timeout=60)
        files = {path.name: path.read_bytes() for path in self.out.iterdir()}
        for path in self.out.iterdir():
            path.unlink()
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return code, self.objects(output), told.decode(), files

    def measure(self, *arguments):
        """What a run writes, and about how long it takes."""
        begin = time.monotonic()
        for _ in range(3):
            code, answers, told, wanted = self.finish(self.start(*arguments))
            self.assertEqual((code, len(answers), told, len(wanted)), (0, 1, "", len(arguments) // 2))
        return wanted, (time.monotonic() - begin) / 3

    def interrupt(self, arguments, number, delay, wanted):
        process = self.start(*arguments)
        time.sleep(delay)
        process.send_signal(number)
        code, answers, told, files = self.finish(process)
        self.assertIn(code, (0, 128 + number), told)
        for name, data in files.items():
            self.assertEqual(data, wanted.get(name), f"{name} is half-written or temporary")
        if code == 0:
            self.assertEqual((len(answers), told, set(files)), (1, "", set(wanted)))
        for line in told.splitlines():
            self.assertRegex(line, "^tumorclass: .*cancelled")
        return code

    def test_signals_at_random_moments(self):
        seed = int(os.environ.get("TUMORCLASS_SEED", random.randrange(1 << 32)))
        print("seed", seed, flush=True)
        moments = random.Random(seed)
        both = MAP + PICTURE
        usual = {outputs: self.measure(*outputs) for outputs in (MAP, both)}
        stopped = 0
        for n in range(TIMES):
            outputs = both if n % 4 == 3 else MAP  # a picture takes ten times as long as all the rest
            number = moments.choice((signal.SIGINT, signal.SIGTERM))
            wanted, duration = usual[outputs]
            with self.subTest(seed=seed, n=n):
                stopped += self.interrupt(outputs, number, moments.uniform(0, 1.2 * duration), wanted) != 0
        print(stopped, "of", TIMES, "were stopped")
        self.assertGreater(stopped, TIMES // 10)


if __name__ == "__main__":
    main()
