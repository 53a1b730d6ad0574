"""`suffice cluster` as a user runs it. Needs the program: SUFFICE_BIN."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
OK, USAGE = 0, 2
KINDS = {"bill": "please look at the invoice and refund my card", "ship": "where is the parcel that the courier delivers",
         "tech": "the screen shows an error after the crash"}


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Cluster(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-cluster-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_cluster(self, *arguments):
        return subprocess.run([PROGRAM, "cluster", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=60)

    def texts(self, each, name="texts.jsonl"):
        path = self.folder / name
        rows = [{"text": f"{text} {number % 7} jane{number}@example.com"} for number in range(each) for text in KINDS.values()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def test_finds_the_kinds_and_masks_what_is_personal(self):
        done = self.run_cluster(self.texts(12), "--max", "3", "--json")

        self.assertEqual(done.returncode, OK, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual([one["size"] for one in found["clusters"]], [12, 12, 12])
        for one in found["clusters"]:
            self.assertEqual({row % 3 for row in one["rows"]}, {one["rows"][0] % 3})
            self.assertIn("[EMAIL]", one["example"])
        self.assertNotIn("@example.com", done.stdout)

    def test_keeps_ids_over_a_week(self):
        first = self.run_cluster(self.texts(8), "--max", "3", "--out", "kinds.json")
        self.assertEqual(first.returncode, OK, first.stderr)
        before = {one["id"] for one in json.loads((self.folder / "kinds.json").read_text())["clusters"]}
        after = json.loads(self.run_cluster(self.texts(20, "more.jsonl"), "--max", "3", "--seed", "4", "--against", "kinds.json", "--json").stdout)
        self.assertEqual({one["id"] for one in after["clusters"]}, before)

    def test_bad_input_is_one_line_and_exit_2(self):
        other = self.folder / "other.json"
        other.write_text("{}")
        lonely = self.folder / "lonely.jsonl"
        lonely.write_text('{"text": "a"}\n{"text": "b"}\n')
        for arguments in (["absent.jsonl"], [lonely], [self.texts(3), "--text", "body"], [self.texts(3), "--against", other],
                          [self.texts(3), "--min", "5", "--max", "4"]):
            with self.subTest(arguments=arguments):
                done = self.run_cluster(*arguments)
                self.assertEqual(done.returncode, USAGE, done.stdout)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
