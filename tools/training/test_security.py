"""The pieces that a hard stop's classifier reads, the exact binomials of its certificate, and the walk that certifies. No data needed."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import security  # noqa: E402


class Windows(unittest.TestCase):
    def test_are_those_of_the_gateway(self):
        # The table of src/gate/text_windows_test.cpp.
        cases = {
            "": [""],
            "12345678": ["12345678"],
            "12345 78901": ["12345 ", "78901"],
            "123 56 8901": ["123 56 ", "8901"],
            "12 45678901": ["12 45678", "901"],
            "1234\n6789012": ["1234\n", "6789012"],
            "1234567éab": ["1234567", "éab"],
            "a" * 20: ["a" * 8, "a" * 8, "a" * 4],
        }
        for text, pieces in cases.items():
            self.assertEqual(security.windows(text, 8), pieces)


class Exact(unittest.TestCase):
    def test_intervals_are_clopper_and_pearsons(self):
        for k, n, low, high in ((0, 91, 0.0, 0.03973), (174, 174, 0.97902, 1.0), (8, 100, 0.03517, 0.15156)):
            found = security.exact_interval(k, n)
            self.assertAlmostEqual(found[0], low, places=4)
            self.assertAlmostEqual(found[1], high, places=4)


class Certified(unittest.TestCase):
    def scores(self, misses):
        """200 advisories, so many of them at 0.32; quiet tickets and logs."""
        advisories = [0.9] * (200 - misses) + [0.32] * misses
        quiet = {f"{side} {kind}": [0.01] * 100 for side in ("calibration", "held out") for kind in ("tickets", "build logs", "intents")}
        return {"calibration advisories": advisories, "held out advisories": advisories} | quiet

    def test_the_walk_ends_where_too_many_would_be_missed(self):
        self.assertEqual(security.certified(self.scores(20))["certificate"]["strictest_certified"], 0.3)
        self.assertEqual(security.certified(self.scores(2))["certificate"]["strictest_certified"], 0.9)

    def test_the_laxest_certified_threshold_that_is_quiet_is_taken(self):
        scores = self.scores(2)
        scores["calibration tickets"] = [0.17] * 100
        self.assertEqual(security.certified(scores)["threshold"], 0.2)

    def test_nothing_is_shipped_without_a_certificate(self):
        scores = self.scores(0)
        scores["calibration advisories"] = [0.9] * 50  # too few for 5 % at 95 %
        with self.assertRaises(SystemExit):
            security.certified(scores)


if __name__ == "__main__":
    unittest.main()
