"""`suffice fit ladder` as a user runs it: a world whose best ladder is known, budgets, bad input. Needs the program: SUFFICE_BIN."""

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


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class FitLadder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-ladder-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, "fit", "ladder", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=300)

    def outcomes(self):
        """The small model is right on two of three and its gate knows; the large one is always right."""
        rows = []
        for number in range(600):
            right = number % 3 != 0
            rows.append({"id": number, "models": {"small": {"correct": right, "gate_score": 1 if right else 0, "cost": 0.001},
                                                  "large": {"correct": True, "gate_score": 1, "cost": 0.01}}})
        path = self.folder / "outcomes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def test_finds_the_known_ladder_and_what_it_saves(self):
        done = self.run_program(self.outcomes(), "--json")

        self.assertEqual(done.returncode, OK, done.stderr)
        figures = json.loads(done.stdout)
        matching = figures["matching"]
        self.assertEqual(figures["score"], "gate")
        self.assertEqual(matching["ladder"], [{"model": "small", "accept_min": 1.0}, {"model": "large"}])
        self.assertEqual(matching["test"]["quality"]["value"], 1)
        self.assertAlmostEqual(matching["beside_best_single"]["saved"]["value"], 1 - (0.001 + 0.01 / 3) / 0.01, delta=0.06)

    def test_budgets_are_dollars_or_shares_and_never_overrun_where_it_learned(self):
        figures = json.loads(self.run_program(self.outcomes(), "--budget", "0.0005", "--budget", "20%", "--budget", "0.006", "--json").stdout)

        first, second, third = figures["budgets"]
        self.assertNotIn("found", first)
        self.assertAlmostEqual(second["budget"], 0.002)
        self.assertEqual([rung["model"] for rung in second["found"]["ladder"]], ["small"])
        self.assertEqual([rung["model"] for rung in third["found"]["ladder"]], ["small", "large"])
        for line in (second, third):
            self.assertLessEqual(line["found"]["train"]["cost"], line["budget"])

    def test_the_same_seed_gives_the_same_figures(self):
        self.assertEqual(self.run_program(self.outcomes(), "--json").stdout, self.run_program(self.outcomes(), "--json").stdout)

    def test_tells_a_reader_what_it_did(self):
        text = self.run_program(self.outcomes()).stdout
        for words in ("every attempt is paid", "single models", "oracle", "small >= 1, large", "saves"):
            self.assertIn(words, text)

    def test_bad_input_is_one_line_and_exit_2(self):
        empty = self.folder / "empty.jsonl"
        empty.write_text("")
        unpriced = self.folder / "unpriced.jsonl"
        unpriced.write_text("".join(json.dumps({"id": i, "models": {"a": i % 2, "b": 1}}) + "\n" for i in range(100)))
        good = self.outcomes()
        for arguments in (["absent.jsonl"], [empty], [unpriced], [good, "--budget", "cheap"], [good, "--score", "luck"],
                          [good, "--price", "nobody=1"], [good, "--price", "small=x"], [good, "--score", "judge"]):
            with self.subTest(arguments=arguments):
                done = self.run_program(*arguments)
                self.assertEqual(done.returncode, USAGE, done.stdout)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    @unittest.skipUnless(DATA, "SUFFICE_DATA_DIR is not set")
    def test_on_recorded_coding_tasks_the_gate_saves_most_of_the_money(self):
        file = Path(DATA) / "firstpass_mbpp_cascade" / "mbpp-974-opus.checkpoint.jsonl.gz"
        figures = json.loads(self.run_program(file, "--budget", "50%", "--json").stdout)
        found = figures["budgets"][0]["found"]
        self.assertEqual([rung["model"].rpartition("/")[2] for rung in found["ladder"]], ["claude-haiku-4-5", "claude-opus-4-8"])
        self.assertGreater(found["beside_best_single"]["saved"]["interval"][0], 0.5)


if __name__ == "__main__":
    unittest.main()
