"""`suffice fit router` as a user runs it: what it measures, the file it writes, the policy that takes it. Needs the program: SUFFICE_BIN."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
DATA = os.environ.get("SUFFICE_DATA_DIR")
OK, USAGE = 0, 2
THINGS = ["lamp", "chair", "table", "clock", "glass", "plate", "knife", "spoon", "brush", "towel"]
POLICY = """version: 1
models:
  small: {{provider: recorded, model: none.jsonl, stand_in: yes, local: yes, price: {{input: 0}}}}
  big: {{provider: recorded, model: none.jsonl, stand_in: yes, price: {{input: 1}}}}
tasks:
  t: {{tiers: [small, big], router: {{file: hard.lin, sha256: {sha256}, gain_max: 0.5}}}}
"""


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class FitRouter(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-router-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=120)

    def outcomes(self, hard_word="prove"):
        """Requests of one word more or less: the small model fails those that say `hard_word`."""
        rows = []
        for number in range(200):
            word = hard_word if number % 2 else "greet"
            text = f"please {word} the {THINGS[number % 10]} {THINGS[number // 10 % 10]} now, number {number}"
            rows.append({"id": number, "text": text, "models": {"small": {"correct": word == "greet"}, "big": {"correct": True}}})
        path = self.folder / "outcomes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def fit(self, *arguments):
        return self.run_program("fit", "router", self.outcomes(), "--out", "hard.lin", "--json", *arguments)

    def test_finds_what_makes_requests_hard_where_length_cannot(self):
        done = self.fit("--share", "0.5")

        self.assertEqual(done.returncode, OK, done.stderr)
        figures = json.loads(done.stdout)
        self.assertGreater(figures["apgr"]["value"], 0.7, "the oracle of half hard requests has 0.75")
        self.assertLess(figures["apgr_length"]["value"], 0.6)
        self.assertAlmostEqual(figures["strong_share"], 0.5, delta=0.01)
        self.assertGreater(figures["quality"], 0.98)

    def test_the_same_data_and_seed_give_the_same_file(self):
        first = json.loads(self.fit("--seed", "7").stdout)
        second = json.loads(self.fit("--seed", "7").stdout)
        self.assertEqual(first["sha256"], second["sha256"])
        self.assertEqual(first["apgr"], second["apgr"])

    def test_a_policy_takes_the_file_and_refuses_another(self):
        sha256 = json.loads(self.fit().stdout)["sha256"]
        (self.folder / "none.jsonl").write_text("")
        policy = self.folder / "policy.yaml"

        policy.write_text(POLICY.format(sha256=sha256))
        self.assertEqual(self.run_program("check", policy).returncode, OK, self.run_program("check", policy).stdout)
        policy.write_text(POLICY.format(sha256="0" * 64))
        refused = self.run_program("check", policy)
        self.assertEqual(refused.returncode, USAGE)
        self.assertIn("tasks.t.router", refused.stdout)

    def test_bad_input_is_one_line_and_exit_2(self):
        empty = self.folder / "empty.jsonl"
        empty.write_text("")
        one = self.folder / "one.jsonl"
        one.write_text('{"id": 1, "text": "x", "models": {"small": {"correct": true}}}\n')
        for arguments in (["absent.jsonl"], [empty], [one], [self.outcomes(), "--weak", "nobody"], [self.outcomes(), "--weak", "big", "--strong", "big"]):
            with self.subTest(arguments=arguments):
                done = self.run_program("fit", "router", *arguments, "--out", "hard.lin")
                self.assertEqual(done.returncode, USAGE, done.stdout)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertFalse((self.folder / "hard.lin").exists())

    @unittest.skipUnless(DATA, "SUFFICE_DATA_DIR is not set")
    def test_on_routellm_it_is_no_worse_than_length(self):
        folder = Path(DATA) / "routellm"
        done = self.run_program("fit", "router", folder / "gsm8k_responses.csv.gz", "--exclude", folder / "gsm8k_contaminated_prompts.jsonl",
                                "--weak", "mixtral", "--strong", "gpt-4", "--out", "hard.lin", "--repetitions", "50", "--json")
        figures = json.loads(done.stdout)
        self.assertEqual(figures["rows"], 1307)
        self.assertGreaterEqual(figures["apgr"]["value"], 0.598)
        self.assertAlmostEqual(figures["apgr_length"]["value"], 0.598, places=3)


if __name__ == "__main__":
    unittest.main()
