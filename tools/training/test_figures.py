"""Figures against values worked out by hand or taken from the literature."""

import unittest

from figures import Outcome, accuracy_of_surest, auroc, calibration_error, threshold_for, wilson


def outcomes(*pairs: tuple[bool, float]) -> list[Outcome]:
    return [Outcome(right, probability) for right, probability in pairs]


class Wilson(unittest.TestCase):
    def test_agrees_with_published_values(self) -> None:
        # Newcombe (1998), table I, method 3.
        for right, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
            with self.subTest(f"{right}/{total}"):
                measured = wilson(right, total)
                self.assertAlmostEqual(measured[0], low, places=4)
                self.assertAlmostEqual(measured[1], high, places=4)

    def test_knows_nothing_without_observations(self) -> None:
        self.assertEqual(wilson(0, 0), (0.0, 1.0))


class Auroc(unittest.TestCase):
    def test_counts_ordered_pairs_and_halves_ties(self) -> None:
        cases = {
            "perfect": (outcomes((True, 0.9), (True, 0.8), (False, 0.1)), 1.0),
            "reversed": (outcomes((True, 0.1), (False, 0.9)), 0.0),
            "all tied": (outcomes((True, 0.5), (False, 0.5), (False, 0.5)), 0.5),
            "three of four pairs": (outcomes((True, 0.9), (False, 0.8), (True, 0.7), (False, 0.1)), 0.75),
        }
        for name, (given, expected) in cases.items():
            with self.subTest(name):
                self.assertEqual(auroc(given), expected)

    def test_is_undefined_when_all_are_right(self) -> None:
        self.assertIsNone(auroc(outcomes((True, 0.9), (True, 0.1))))


class Threshold(unittest.TestCase):
    def test_accepts_as_many_as_the_wanted_accuracy_allows(self) -> None:
        given = outcomes((True, 0.9), (True, 0.8), (False, 0.7), (True, 0.6), (False, 0.5))

        found = threshold_for(given, 0.75)

        assert found is not None
        self.assertEqual((found.value, found.accepted, found.share), (0.6, 4, 0.8))

    def test_does_not_part_answers_of_one_probability(self) -> None:
        self.assertIsNone(threshold_for(outcomes((True, 0.9), (False, 0.9)), 0.75))


class Rest(unittest.TestCase):
    def test_surest_share(self) -> None:
        given = outcomes((True, 0.9), (True, 0.8), (False, 0.7), (False, 0.6))
        self.assertEqual(accuracy_of_surest(given, 0.5), 1.0)

    def test_calibration_error_is_zero_when_probabilities_are_frequencies(self) -> None:
        self.assertAlmostEqual(calibration_error(outcomes((True, 0.5), (False, 0.5))), 0.0)
        self.assertAlmostEqual(calibration_error(outcomes((False, 1.0))), 1.0)


if __name__ == "__main__":
    unittest.main()
