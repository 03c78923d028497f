"""Where an output cannot be written: a full or read-only file system, a folder that is forbidden or gone, a stream that
is closed or has no reader, a name that is too long. Library and command say so with the file's name, and neither a part
of the file nor a temporary one is left."""
import json
import os
import shutil
import subprocess
import unittest

from command import CLI, MODEL, OUTPUT_FAILED, WRONG_USAGE, Case, main

WRITE_IMAGE = CLI.parents[1] / "tests/golden/write_image"
VOXELS = ("10", "30,30,30", "1", "fortran", "1,0,0,0,0,1,0,0,0,0,1,0", "0,0", "-")  # 108 kB of float32
CAN_MOUNT = subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0
WRITERS = {  # what each command writes, and how
    "map.nii": ("classify", "-m", MODEL, "scan.nii.gz", "-a"),
    "map.nii.gz": ("classify", "-m", MODEL, "scan.nii.gz", "-a"),
    "overlay.png": ("classify", "-m", MODEL, "scan.nii.gz", "-p"),
    "input.nii": ("preprocess", "-m", MODEL, "scan.nii.gz", "-o"),
    "input.nii.gz": ("preprocess", "-m", MODEL, "scan.nii.gz", "-o"),
}


class Folder(Case):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        self.out.mkdir()


@unittest.skipUnless(CAN_MOUNT, "no file system can be mounted here")
class Mounts(Folder):
    def in_mount(self, script, *arguments, program=CLI):
        """Run the script with a file system of 16 KiB of its own at out/; and what lies there afterwards."""
        script = f'mount -t tmpfs -o size=16k none out && {script}; code=$?; ls -A out >listed; exit $code'
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script, program, *arguments], capture_output=True,
                              env=self.environment, cwd=self.folder, timeout=120)
        return done, (self.folder / "listed").read_text().split()


class MountedCommands(Mounts):
    def setUp(self):
        super().setUp()
        self.scan()

    def test_full_file_system(self):
        for name, command in WRITERS.items():
            with self.subTest(name):
                done, left = self.in_mount('"$0" "$@"', *command, f"out/{name}")
                self.check(done, OUTPUT_FAILED, f"{name} cannot be written: No space left on device")
                self.assertEqual(left, [])

    def test_full_file_system_keeps_the_file_that_was_there(self):
        done, left = self.in_mount('echo old >out/map.nii && "$0" "$@" || (code=$?; grep -q old out/map.nii && exit $code)',
                                   *WRITERS["map.nii"], "out/map.nii")
        self.check(done, OUTPUT_FAILED, "map.nii cannot be written: No space left on device")
        self.assertEqual(left, ["map.nii"])

    def test_report_into_a_full_file_system(self):
        fill = "dd if=/dev/zero of=out/filler bs=4096 count=9 2>/dev/null"
        for option in ("--json", "-v"):
            done, _ = self.in_mount(f'{{ {fill}; "$0" "$@" >out/answer; }}', "classify", "-m", MODEL, "scan.nii.gz", option)
            self.assertEqual(done.returncode, OUTPUT_FAILED, done.stderr)
            self.assertIn(b"standard output cannot be written: No space left on device", done.stderr)

    def test_read_only_file_system_is_noticed_before_any_work(self):
        for name, command in WRITERS.items():
            done, left = self.in_mount('mount -o remount,ro out && "$0" "$@"', *command, f"out/{name}")
            self.check(done, OUTPUT_FAILED, f"{name} cannot be written: Read-only file system")
            self.assertEqual(left, [])


class Commands(Folder):
    def setUp(self):
        super().setUp()
        self.scan()

    @unittest.skipUnless(os.geteuid() == 0, "only the superuser can become another user")
    def test_forbidden_folder_is_noticed_before_any_work(self):
        """The superuser may write anywhere: another user tries."""
        self.folder.chmod(0o755)
        model = shutil.copy(MODEL, self.folder / "m.onnx")
        done = self.run_cli("classify", "-m", model, "scan.nii.gz", "-a", "out/map.nii", user=65534)
        self.check(done, OUTPUT_FAILED, "map.nii cannot be written: Permission denied")
        self.assertEqual(list(self.out.iterdir()), [])

    def test_full_device_behind_a_link(self):
        for name, command in WRITERS.items():
            os.symlink("/dev/full", self.out / name)
            done = self.run_cli(*command, f"out/{name}")
            self.check(done, OUTPUT_FAILED, f"{name} cannot be written: No space left on device")
            self.assertTrue((self.out / name).is_symlink())
        self.assertEqual({path.name for path in self.out.iterdir()}, set(WRITERS))

    def test_closed_output_and_a_reader_that_went_away(self):
        for name in ("map.nii", "overlay.png", "input.nii"):
            command = [CLI, *WRITERS[name], "-"]
            closed = subprocess.run(["sh", "-c", '"$0" "$@" >&-', *command], capture_output=True, env=self.environment,
                                    cwd=self.folder)
            self.assertEqual(closed.returncode, OUTPUT_FAILED, closed.stderr)
            self.assertIn(b"tumorclass: ", closed.stderr)
            reader, writer = os.pipe()
            os.close(reader)
            broken = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=self.environment, cwd=self.folder)
            os.close(writer)
            self.assertEqual(broken.returncode, OUTPUT_FAILED, broken.stderr)
            self.assertIn(b"Broken pipe", broken.stderr)

    def test_folder_that_goes_away_meanwhile(self):
        names = [f"{n}.nii.gz" for n in range(60)]
        for name in names:
            os.link(self.folder / "scan.nii.gz", self.folder / name)
        process = subprocess.Popen([CLI, "classify", "--json", "-m", MODEL, *names, "-a", "out/{scan}.nii"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, cwd=self.folder)
        first = process.stdout.readline()
        self.out.rename(self.folder / "elsewhere")
        output, told = process.communicate(timeout=300)
        self.assertEqual(process.returncode, OUTPUT_FAILED, told)
        self.assertIn(b"cannot be created: No such file or directory", told)
        answers = [json.loads(line) for line in (first + output).splitlines()]
        self.assertEqual(len(answers), len(names))
        self.assertNotIn("error", answers[0])
        self.assertEqual(answers[-1]["error"]["status"], "I/O error")
        self.assertEqual(self.leftovers(), [])

    def test_longest_name_is_written_and_a_longer_one_refused(self):
        for name, command in WRITERS.items():
            end = "." + name.split(".", 1)[1]
            longest = "n" * (255 - len(end)) + end
            self.check(self.run_cli(*command, f"out/{longest}"), 0)
            self.check(self.run_cli(*command, f"out/n{longest}"), OUTPUT_FAILED, "File name too long")
            self.assertEqual([path.name for path in self.out.iterdir()], [longest])
            (self.out / longest).unlink()

    def test_preprocess_does_not_overwrite_its_input(self):
        before = (self.folder / "scan.nii.gz").read_bytes()
        for name in ("scan.nii.gz", "./scan.nii.gz", "out/../scan.nii.gz"):
            done = self.run_cli(*WRITERS["input.nii.gz"], name)
            self.check(done, WRONG_USAGE, "scan.nii.gz is an input, and would be overwritten")
        self.assertEqual((self.folder / "scan.nii.gz").read_bytes(), before)


class Library(Mounts):
    """The same by tests/golden/write_image, which prints the library's status and sentence."""

    def expect(self, done, sentence):
        self.assertEqual((done.returncode, done.stdout + done.stderr), (1, f"I/O error\t{sentence}\n".encode()))

    def test_file_systems_that_are_full_or_read_only(self):
        done, left = self.in_mount('"$0" "$@"', "out/map.nii", *VOXELS, program=WRITE_IMAGE)
        self.expect(done, "map.nii cannot be written: No space left on device")
        self.assertEqual(left, [])
        done, left = self.in_mount('mount -o remount,ro out && "$0" "$@"', "out/map.nii.gz", *VOXELS, program=WRITE_IMAGE)
        self.expect(done, "map.nii.gz cannot be created: Read-only file system")
        self.assertEqual(left, [])

    def test_names(self):
        longest = "n" * 251 + ".nii"
        for name, sentence in ((longest, None), (f"n{longest}", "File name too long")):
            done = subprocess.run([WRITE_IMAGE, f"out/{name}", *VOXELS], capture_output=True, cwd=self.folder)
            if sentence:
                self.expect(done, f"{name} cannot be created: {sentence}")
            else:
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([path.name for path in self.out.iterdir()], [longest])


if __name__ == "__main__":
    main()
