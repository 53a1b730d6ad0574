"""`suffice replay` and `make evidence` as a user runs them. Needs the program (SUFFICE_BIN); the public sets from SUFFICE_DATA_DIR."""

import gzip
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


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Replay(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-replay-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def outcomes(self, rows=40, last=""):
        file = self.folder / "outcomes.jsonl.gz"
        with gzip.open(file, "wt", encoding="utf-8") as out:
            for i in range(rows):
                models = {"small": {"correct": i % 3 == 0, "valid": i % 3 != 1}, "large": {"correct": i % 5 != 0}}
                out.write(json.dumps({"id": str(i), "text": "x" * (i % 7 + 1) + str(i), "models": models}) + "\n")
            out.write(last)
        return file

    def replay(self, *arguments):
        return subprocess.run([PROGRAM, "replay", *map(str, arguments), "--repetitions", "20"], capture_output=True, text=True,
                              timeout=300, check=False)

    def test_tables_json_and_a_page_come_from_a_packed_file(self):
        page = self.folder / "page.html"
        ran = self.replay(self.outcomes(), "--html", page)
        self.assertEqual(ran.returncode, OK, ran.stderr)
        self.assertIn("Routers that see the request only", ran.stdout)
        self.assertNotIn("\x1b", ran.stdout)
        self.assertIn("<svg", page.read_text(encoding="utf-8"))
        figures = json.loads(self.replay(self.outcomes(), "--json").stdout)
        self.assertEqual(figures["pair"]["rows"], 40)
        self.assertEqual(figures["gates"]["valid"]["accepted"], 27)

    def test_a_run_is_compared_with_the_one_before(self):
        before = self.folder / "before.json"
        self.assertEqual(self.replay(self.outcomes(), "--out", before).returncode, OK)
        same = self.replay(self.outcomes(), "--against", before)
        self.assertEqual(same.stdout.rstrip().splitlines()[-1].split(), ["figure", "before", "now", "change"])
        other = self.replay(self.outcomes(rows=50), "--against", before)
        self.assertIn("pair/rows", other.stdout)

    def test_bad_data_is_exit_2_with_file_line_and_member(self):
        file = self.outcomes(last='{"models": {"small": {"score": 7}}}\n')
        ran = self.replay(file)
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn("outcomes.jsonl.gz: line 41, small", ran.stderr)

    def test_an_option_that_may_be_repeated_leaves_the_file_alone(self):
        ran = self.replay("--router", "length", "--gate", "valid", "--gate", "learned", "--json", self.outcomes())
        self.assertEqual(ran.returncode, OK, ran.stderr)
        self.assertEqual(set(json.loads(ran.stdout)["gates"]), {"valid", "learned"})

    def test_an_unknown_model_or_gate_says_what_there_is(self):
        ran = self.replay(self.outcomes(), "--weak", "huge")
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn("there are small, large", ran.stderr)
        ran = self.replay(self.outcomes(), "--gate", "hope")
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn("there are valid, agreement:MODEL", ran.stderr)

    def test_an_exclusion_list_that_excludes_nothing_is_an_error(self):
        listed = self.folder / "list.txt"
        listed.write_text("nothing of it\n", encoding="utf-8")
        self.assertEqual(self.replay(self.outcomes(), "--exclude", listed).returncode, USAGE)

    @unittest.skipUnless(os.environ.get("SUFFICE_DATA_DIR"), "SUFFICE_DATA_DIR names no folder of the public sets")
    def test_every_figure_of_the_evidence_is_made_from_a_small_part_of_its_data(self):
        ran = subprocess.run([ROOT / "tools" / "evidence" / "run", "--quick", "--out", self.folder], capture_output=True, text=True,
                             timeout=600, check=False, env={**os.environ, "SUFFICE_BIN": PROGRAM})
        self.assertEqual(ran.returncode, OK, ran.stdout + ran.stderr)
        self.assertNotIn("NOT", ran.stdout)


if __name__ == "__main__":
    unittest.main()
