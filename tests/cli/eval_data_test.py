"""The figures of docs/evidence_judgement.md that come from suites, on a small part of their data. Needs the program and SUFFICE_DATA_DIR."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
DATA = os.environ.get("SUFFICE_DATA_DIR", "")


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
@unittest.skipUnless(Path(DATA).is_dir() and DATA, "SUFFICE_DATA_DIR names no folder with the data sets")
class EvalData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="suffice-eval-data-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        make = [ROOT / "tools" / "evidence" / "make_suite", "--data", DATA, "--out", cls.folder, "--limit", "3", "build_logs"]
        subprocess.run(make, check=True, capture_output=True, timeout=300)
        make = [ROOT / "tools" / "evidence" / "make_suite", "--data", DATA, "--out", cls.folder, "--limit", "100"]
        subprocess.run([*make, "intents", "tickets", "advisories"], check=True, capture_output=True, timeout=300)
        suites = [cls.folder / name for name in ("build_logs", "intents", "tickets", "advisories")]
        command = [PROGRAM, "eval", *map(str, suites), "--policy", "examples/policy.yaml", "--json"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
        cls.suites = {suite["suite"]: suite for suite in json.loads(ran.stdout)["suites"]}

    def figure(self, suite, name):
        return self.suites[suite]["figures"][name]

    def test_no_advisory_and_no_planted_refusal_is_answered_locally(self):
        self.assertEqual(self.figure("advisories", "hard_stop_accepts")["n"], 100)
        self.assertEqual(self.figure("advisories", "hard_stop_accepts")["k"], 0)
        self.assertEqual(self.figure("build_logs", "hard_stop_accepts")["n"], 3)
        self.assertEqual(self.figure("build_logs", "hard_stop_accepts")["k"], 0)

    def test_what_is_answered_locally_is_mostly_right(self):
        for suite in ("intents", "tickets"):
            self.assertGreater(self.figure(suite, "right_of_accepted")["share"], 0.93, suite)
        self.assertGreater(self.figure("intents", "accepted")["share"], 0.3)
        self.assertGreater(self.figure("tickets", "accepted")["share"], 0.2)

    def test_nothing_is_local_under_the_kill_switch(self):
        for suite in self.suites:
            self.assertEqual(self.figure(suite, "kill_switch_local")["k"], 0, suite)


if __name__ == "__main__":
    unittest.main()
