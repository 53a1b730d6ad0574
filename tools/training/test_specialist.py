"""What the specialists are made with: shared heads, the bag start, slips, joined halves, served answers. Needs torch."""

import os
import random
import unittest
from pathlib import Path

try:
    import numpy
    import torch
except ImportError:
    raise unittest.SkipTest("Python's torch is not installed (tools/bootstrap train)") from None

import bag
import specialist
import specialist_measure
import tasks
from model import Model, ModelShape
from tasks import Row

SHAPE = ModelShape(vocabulary=60, context=64, width=16, layers=2, heads=2, hidden=24)


class AnswersTest(unittest.TestCase):
    def test_the_same_as_the_whole_forward_pass(self) -> None:
        for layers in (1, 2, 3):
            model = Model(ModelShape(60, 64, 16, layers, 2, 24))
            tokens = torch.randint(0, 60, (3, 20))
            tokens[:, :5] = tokens[0, :5]
            at = torch.tensor([[14, 3], [10, 11], [7, 0]])
            flat = (at + 5 + 20 * torch.arange(3)[:, None]).flatten()

            answers = model.answers(tokens[0, :5], tokens[:, 5:], at)

            self.assertTrue(torch.allclose(answers.flatten(0, 1), model(tokens, flat), atol=1e-5))


class BagTest(unittest.TestCase):
    def test_the_transformer_starts_with_what_the_bag_has_learned(self) -> None:
        torch.manual_seed(1)
        rng = random.Random(1)
        prompts = [[50, *(rng.randrange(10, 50) for _ in range(6)), key, 51] for key in (1, 2, 3) for _ in range(60)]
        labels = numpy.repeat([0, 1, 2], 60)
        model = Model(SHAPE)

        bag.start(model, lambda row: prompts[row], numpy.eye(3, dtype=numpy.float32)[labels], [55, 56, 57], epochs=60, seed=1)

        logits = model(torch.tensor(prompts), torch.arange(len(prompts)) * 9 + 8)[:, 55:58]
        right = (logits.argmax(-1).numpy() == labels).mean()
        self.assertGreater(right, 0.9)


class TextsTest(unittest.TestCase):
    def test_a_slip_changes_little(self) -> None:
        rng = random.Random(2)
        text = "what is the weather like in paris"
        for _ in range(200):
            slipped = specialist.slip(text, rng)
            self.assertLessEqual(abs(len(slipped) - len(text)), 8)
            self.assertGreater(len(set(slipped.split()) & set(text.split())), 4)

    def test_joined_halves_are_new_and_within_a_label(self) -> None:
        rows = [(f"a{i} b{i} c{i} d{i}", "one") for i in range(9)] + [(f"x{i} y{i} z{i}", "two") for i in range(9)]
        joined = tasks.halves_joined(rows, 50, "seed")
        self.assertEqual(len(set(joined)), 50)
        self.assertFalse(set(joined) & {text for text, _ in rows})
        for text in joined:
            letters = {word[0] for word in text.split()}
            self.assertTrue(letters <= set("abcd") or letters <= set("xyz"), text)


class ServedTest(unittest.TestCase):
    SPECIALIST = tasks.specialists()["suffice-ticket"]

    def test_escalated_labels_and_unsure_answers_are_not_served(self) -> None:
        rows = [Row("t", label, "g") for label in ("hardware", "access", "hardware", "storage")]
        given = [("hardware", 0.9), ("hardware", 0.95), ("access", 0.99), ("storage", 0.4)]

        served = specialist_measure.acceptance(rows, given, self.SPECIALIST, 0.5)

        self.assertEqual((served["served"], served["right"], served["must_escalate"], served["must_escalate_served"]), (2, 1, 1, 1))

    def test_the_threshold_is_the_least_that_is_right_enough(self) -> None:
        rows = [Row("t", "hardware", "g")] * 97 + [Row("t", "storage", "g")] * 5
        given = [("hardware", 0.9)] * 98 + [("hardware", 0.3)] * 4
        self.assertEqual(specialist_measure.threshold_on(rows, given, self.SPECIALIST), 0.9)
        self.assertEqual(specialist_measure.threshold_on(rows[-4:], given[-4:], self.SPECIALIST), 1.0)


class SplitsTest(unittest.TestCase):
    def test_no_text_is_on_two_sides(self) -> None:
        directory = os.environ.get("SUFFICE_DATA_DIR")
        if not directory:
            self.skipTest("SUFFICE_DATA_DIR is not set")
        for made in tasks.specialists().values():
            task = made.load(Path(directory))
            train, tuning = {t for t, _ in task.train}, {t for t, _ in task.tuning}
            held_out = {row.text for row in task.held_out}
            self.assertFalse(train & held_out, made.name)
            self.assertFalse(tuning & held_out, made.name)
            self.assertFalse(train & tuning, made.name)
            self.assertFalse(set(task.extra) & held_out, made.name)


if __name__ == "__main__":
    unittest.main()
