"""`suffice fit calibrator` and `suffice fit threshold` as a user runs them. Needs the program: SUFFICE_BIN."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
OK, USAGE, GATE_NOT_MET = 0, 2, 3


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class FitThreshold(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-fit-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name):
        return str(self.folder / name)

    def write(self, rows, wrong):
        """Rows of a confidence c uniform in [0, 1), wrong with probability wrong(c)."""
        draw = random.Random(1)
        lines = ["confidence,correct"]
        for _ in range(rows):
            confidence = draw.random()
            lines.append(f"{confidence},{int(draw.random() >= wrong(confidence))}")
        Path(self.file("data.csv")).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run_fit(self, *arguments):
        ran = subprocess.run([PROGRAM, "fit", *arguments, "--data", self.file("data.csv"), "--json"],
                             cwd=ROOT, capture_output=True, text=True, timeout=120)
        return ran.returncode, json.loads(ran.stdout) if ran.stdout else ran.stderr

    def test_certifies_what_can_be_trusted_and_makes_it_again(self):
        self.write(6000, lambda c: 0.2 * (1 - c))
        code, fitted = self.run_fit("calibrator", "--out", self.file("t.cal"), "--html", self.file("t.html"))
        self.assertEqual(code, OK, fitted)
        self.assertLess(fitted["calibrated"]["ece"], 0.05)
        self.assertIn("<svg", Path(self.file("t.html")).read_text(encoding="utf-8"))

        code, made = self.run_fit("threshold", "--calibrator", self.file("t.cal"), "--task", "t", "--out", self.file("t.cert"))
        self.assertEqual(code, OK, made)
        self.assertTrue(made["certified"])
        self.assertLessEqual(made["p_value"], 0.05)

        code, again = self.run_fit("threshold", "--verify", self.file("t.cert"), "--calibrator", self.file("t.cal"))
        self.assertEqual((code, again["confirmed"]), (OK, True), again)

        self.write(6001, lambda c: 0.2 * (1 - c))
        code, again = self.run_fit("threshold", "--verify", self.file("t.cert"), "--calibrator", self.file("t.cal"))
        self.assertEqual((code, again["confirmed"]), (GATE_NOT_MET, False), again)

    def test_refuses_with_the_reason_and_writes_nothing(self):
        self.write(2000, lambda c: 0.3)
        code, refused = self.run_fit("threshold", "--out", self.file("t.cert"))
        self.assertEqual(code, GATE_NOT_MET)
        self.assertFalse(refused["certified"])
        self.assertIsNone(refused["more_rows"], "no number of labels makes a coin trustworthy")
        self.assertFalse(Path(self.file("t.cert")).exists())

    def test_says_how_many_labels_are_missing(self):
        self.write(60, lambda c: 0)
        code, refused = self.run_fit("threshold", "--out", self.file("t.cert"))
        self.assertEqual(code, GATE_NOT_MET)
        self.assertGreater(refused["more_rows"], 0)

    def test_bad_data_is_exit_2_with_the_line(self):
        Path(self.file("data.csv")).write_text("confidence,correct\n0.5,1\nhigh,1\n", encoding="utf-8")
        code, said = self.run_fit("calibrator", "--out", self.file("t.cal"))
        self.assertEqual(code, USAGE)
        self.assertIn("line 3", said)

    def test_check_names_the_line_of_a_foreign_certificate_and_of_a_broken_file(self):
        policy = (ROOT / "examples" / "policy.yaml").read_text(encoding="utf-8").replace("../models", str(ROOT / "models"))
        policy = policy.replace("recordings/", str(ROOT / "examples" / "recordings") + "/")
        policy = policy.replace("prompt: intent_specialist@1", "prompt: intent@1").replace(
            "suffice-ticket-linear.cal", "MODEL_CARD.md")
        policy = policy.replace("\nmodels:\n", f"\nprompts: [{ROOT / 'examples' / 'prompts'}]\nmodels:\n", 1)
        Path(self.file("policy.yaml")).write_text(policy, encoding="utf-8")
        ran = subprocess.run([PROGRAM, "check", self.file("policy.yaml"), "--json"], cwd=ROOT, capture_output=True, text=True, timeout=300)
        said = json.loads(ran.stdout)
        lines = policy.splitlines()
        foreign = [w for w in said["warnings"] if "prompt: certified for" in w["message"]]
        self.assertEqual(len(foreign), 1, said)
        self.assertIn("suffice-intent-linear.cert", lines[foreign[0]["line"] - 1])
        broken = [p for p in said["problems"] if "not a calibrator file" in p["message"]]
        self.assertEqual(len(broken), 1, said)
        self.assertIn("calibrator: ", lines[broken[0]["line"] - 1])


if __name__ == "__main__":
    unittest.main()
