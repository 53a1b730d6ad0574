"""The five questions through both gates, by the real program. Needs it: SUFFICE_BIN."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class FiveQuestions(unittest.TestCase):
    def test_the_plain_gate_serves_the_wrong_crossing_and_the_checked_one_puts_all_right(self):
        done = subprocess.run([sys.executable, str(ROOT / "tools" / "evidence" / "five_questions"), "--suffice", PROGRAM],
                              capture_output=True, text=True, timeout=120)

        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
        self.assertIn("WRONG (local, wrong)", rows["crossing"])
        self.assertIn("right (frontier, schema_invalid)", rows["crossing"])
        self.assertIn("right (local, right)", rows["where"])
        self.assertEqual(rows["right"].split(), ["right", "4", "of", "5", "5", "of", "5"])


if __name__ == "__main__":
    unittest.main()
