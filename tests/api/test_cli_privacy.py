"""What could name a patient or a user goes into no output: strings planted wherever a scan, its folders and its
surroundings can hold them are looked for in every byte that the command writes, unpacked too."""
import gzip
import pathlib
import re
import shutil
import struct
import sys
import zlib

import nibabel
import numpy as np

from command import (MODEL, SHAPE, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED, Case, affine, head,
                     main)

FIELDS = {"descrip": 80, "db_name": 18, "aux_file": 24, "intent_name": 16, "data_type": 10}
EXTENSIONS = {2: "DICOM", 4: "AFNI", 6: "comment"}
WATCHED = {"classify", "preprocess", "info", "batch", "selftest", "doctor", "evaluate", "help"}


def secret(place, size=80):
    return f"Mx{place.replace('_', '')}Jane"[:size]


def png_texts(data):
    """What compressed chunks of a PNG hold."""
    at, pixels, texts = 8, b"", []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IDAT":
            pixels += body
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            for begin in range(len(body)):  # wherever the stream begins
                try:
                    texts.append(zlib.decompress(body[begin:]))
                except zlib.error:
                    pass
        at += 12 + size
    return [zlib.decompress(pixels), *texts]


class Privacy(Case):
    def setUp(self):
        super().setUp()
        self.place = self.folder / secret("folder") / secret("subfolder")
        self.place.mkdir(parents=True)
        (self.folder / secret("home")).mkdir()
        self.environment.update(HOME=str(self.folder / secret("home")), USER=secret("user"), LOGNAME=secret("logname"),
                                HOSTNAME=secret("host"), PWD=str(self.folder / secret("pwd")))
        self.secrets = [secret("folder"), secret("home"), secret("user"), secret("logname"), secret("host"),
                        secret("pwd"), secret("mask"), secret("model"), secret("out")]
        self.secrets += [secret(field, size) for field, size in FIELDS.items()]
        self.secrets += [secret(code) for code in EXTENSIONS.values()]
        self.outputs = self.folder / secret("out")
        self.outputs.mkdir()

    def plant(self, name, voxels=None, kind=nibabel.Nifti1Image):
        """A scan whose header holds a secret wherever it has room for text."""
        image = kind(head() if voxels is None else voxels, affine())
        for field, size in FIELDS.items():
            if field in image.header:
                image.header[field] = secret(field, size).encode()
        for code, what in EXTENSIONS.items():
            image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, secret(what).encode() * 3))
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.to_filename(path)
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if name.endswith(".gz") else raw
        for planted in (secret("descrip"), secret("comment")):
            self.assertIn(planted.encode(), raw, "the planting works")
        return path

    def search(self, what, data):
        streams = [data]
        if data[:2] == b"\x1f\x8b":
            streams.append(gzip.decompress(data))
        if data[:4] == b"\x89PNG":
            streams += png_texts(data)
        for stream in streams:
            for planted in self.secrets:
                self.assertNotIn(planted.lower().encode(), stream.lower(), what)

    def watch(self, code, *arguments):
        """Run it; nothing it prints holds a secret, nor does a file it wrote."""
        done = self.run_cli(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.search(f"standard output of {arguments[0]}", done.stdout)
        self.search(f"standard error of {arguments[0]}", done.stderr)
        written = [path for path in self.outputs.rglob("*") if path.is_file()]
        for path in written:
            self.search(path.name, path.read_bytes())
        return done, written

    def test_answers_and_their_files(self):
        for kind, suffix in ((nibabel.Nifti1Image, ".nii"), (nibabel.Nifti2Image, ".nii.gz"),
                             (nibabel.Nifti1Pair, ".hdr")):
            scan = self.plant("scan" + suffix, kind=kind)
            mask = self.plant(f"{secret('mask')}/mask.nii.gz", (head() > 0).astype(np.uint8))
            for n, style in enumerate((["--json"], [], ["-vv"])):
                files = [f"--attention={self.outputs}/map-{n}{'.nii.gz' if n else '.nii'}",
                         f"--overlay={self.outputs}/overlay-{n}.png"]
                done, written = self.watch(ANSWERED, "classify", "-m", MODEL, scan, "--mask", mask, *files, *style)
                self.assertIn(b"scan", done.stdout, "a base name may be told")
            self.assertGreaterEqual(len(written), 6)
            for path in written:
                if path.name.startswith("map"):
                    self.assertEqual(nibabel.load(path).shape, SHAPE)
                    self.assertEqual(len(nibabel.load(path).header.extensions), 0)
            self.watch(ANSWERED, "preprocess", "-m", MODEL, scan, "-o", self.outputs / "input.nii.gz")
            for style in ([], ["--json"]):
                done, _ = self.watch(ANSWERED, "info", scan, *style)
                self.assertIn(b"scan", done.stdout)

    def test_model_and_its_folder(self):
        model = self.place / secret("model") / "model.onnx"
        model.parent.mkdir()
        shutil.copy(MODEL, model)
        for style in ([], ["--json"]):
            self.watch(ANSWERED, "info", model, *style)
            self.watch(ANSWERED, "classify", "-m", model, self.plant("scan.nii"), *style)

    def test_failures(self):
        scan, other = self.plant("scan.nii"), self.plant("other.nii.gz", head()[:-2])
        whole = scan.read_bytes()
        bad = {"cut.nii": whole[:2000], "short.nii": whole[:200], "text.nii": b"no volume" * 100,
               "dimensions.nii": whole[:42] + b"\xff" * 8 + whole[50:], "type.nii": whole[:70] + b"\x7f" + whole[71:],
               "cut.nii.gz": other.read_bytes()[:500], "constant.nii": whole[:3000] + bytes(len(whole) - 3000)}
        for name, data in bad.items():
            (self.place / name).write_bytes(data)
            for command in (["classify", "-m", MODEL, "-vv"], ["classify", "-m", MODEL, "--json"], ["info"],
                            ["preprocess", "-m", MODEL, "-o", self.outputs / "input.nii"]):
                expected = ANSWERED if (name, *command[:1]) == ("constant.nii", "info") else SCAN_FAILED
                self.watch(expected, *command, self.place / name)
        self.watch(SCAN_FAILED, "classify", "-m", MODEL, self.place / "none.nii")
        self.watch(SCAN_FAILED, "classify", "-m", MODEL, self.place)
        self.watch(SCAN_FAILED, "classify", "-m", MODEL, scan, "--mask", other)
        self.watch(SCAN_FAILED, "classify", "-m", MODEL, scan, "--strict", "--json")
        for model in ("none.onnx", "cut.nii", ""):
            self.watch(MODEL_FAILED, "classify", "-m", self.place / model, scan)
        for out in (self.outputs / "none/map.nii", scan / "map.nii"):
            self.watch(OUTPUT_FAILED, "classify", "-m", MODEL, scan, "--attention", out)

    def test_batch(self):
        for n in range(3):
            self.plant(f"scan-{n}.nii.gz")
        (self.place / "bad.nii").write_bytes(b"no volume" * 100)
        (self.place / "cut.nii").write_bytes(self.plant("whole.nii").read_bytes()[:5000])
        files = [f"--attention={self.outputs}/map-{{scan}}.nii.gz", f"--overlay={self.outputs}/overlay-{{scan}}.png"]
        for inputs in ([self.place], sorted(self.place.glob("*.nii*"))):
            for ending in ("tsv", "jsonl"):
                table = self.outputs / f"table-{len(inputs)}.{ending}"
                _, written = self.watch(SCAN_FAILED, "batch", "-m", MODEL, "-vv", *inputs, "-o", table, *files)
                self.assertIn(b"scan-1.nii.gz", table.read_bytes(), "a base name may be told")
                self.watch(SCAN_FAILED, "batch", "-m", MODEL, *inputs, "-o", table, "--retry", *files)
        self.assertGreaterEqual(len(written), 2 * 4 + 1)

    def test_evaluate(self):
        self.environment["PATH"] = f"{pathlib.Path(sys.executable).parent}:{self.environment['PATH']}"
        truth = self.place / "participants.tsv"
        truth.write_text("participant_id\tclass\nsub-1\tHGG\nsub-2\tHLTH\n")
        for n in (1, 2):
            self.plant(f"sub-{n}/anat/sub-{n}_T1w.nii.gz")
        mask = self.plant("sub-1/anat/sub-1_lesion.nii.gz", (head() > 800).astype(np.uint8))
        command = ["evaluate", "--truth", truth, "--replicates", "100", "--out"]
        more = ["--model", MODEL, "--attention"]
        _, written = self.watch(ANSWERED, *command, self.outputs / "report", *more)
        self.assertEqual(len(written), 7)
        mask.write_bytes(mask.read_bytes()[:300])
        self.watch(WRONG_USAGE, *command, self.outputs / "other", *more)
        self.watch(MODEL_FAILED, *command, self.outputs / "model", "--model", self.place / "none.onnx")
        self.watch(OUTPUT_FAILED, *command, truth, "--predictions", self.outputs / "report/predictions.jsonl")
        self.watch(WRONG_USAGE, *command, self.outputs / "third", "--predictions", self.place)
        shutil.rmtree(self.place / "sub-2")
        self.watch(WRONG_USAGE, *command, self.outputs / "second", *more)
        self.watch(WRONG_USAGE, *command, self.outputs / "second", self.place / "nowhere")

    def commands(self):
        return set(re.findall(r"^  ([a-z]+)  ", self.run_cli("--help").stdout.decode(), re.M))

    def test_no_command_is_without_watch(self):
        self.assertEqual(self.commands(), WATCHED)
        for command in sorted(self.commands()):
            self.watch(ANSWERED, "help", *([] if command == "help" else [command]))

    def test_selftest_and_doctor(self):
        for command in (["selftest", "-m", MODEL], ["doctor"]):
            for style in ([], ["--json"]):
                self.watch(ANSWERED, *command, *style)


if __name__ == "__main__":
    main()
