"""The training loop on a model of one number. Needs torch."""

import os
import signal
import tempfile
import unittest
from pathlib import Path

try:
    import torch
except ImportError:
    raise unittest.SkipTest("Python's torch is not installed (tools/bootstrap train)") from None

import loop


class Number(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor([[0.0]]))


class LoopTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checkpoint = Path(folder.name) / "checkpoint.pt"
        self.lines: list[str] = []

    def make(self, model: Number, **settings: object) -> loop.Loop:
        schedule = loop.Schedule(**({"steps": 60, "learning_rate": 0.1, "weight_decay": 0.0} | settings))  # type: ignore[arg-type]
        return loop.Loop(schedule, model, {"settings": str(settings)}, self.checkpoint, self.lines.append)

    @staticmethod
    def towards(model: Number, goal: float) -> loop.Callable[[int], dict[str, float]]:
        def step(number: int) -> dict[str, float]:
            loss = (model.value - goal).square().sum()
            loss.backward()
            return {"loss": loss.item()}

        return step

    def test_learns_and_keeps_the_best_validated_weights(self) -> None:
        model = Number()
        seen: list[float] = []

        def validate() -> float:
            seen.append(model.value.item())
            return 1.0 - abs(model.value.item() - 0.5)  # best on the way to 3

        done = self.make(model, validate_every=5).run(self.towards(model, 3.0), validate)

        self.assertTrue(done)
        self.assertEqual(model.value.item(), min(seen, key=lambda value: abs(value - 0.5)))

    def test_stops_early_when_it_gets_no_better(self) -> None:
        model = Number()
        training = self.make(model, validate_every=5, patience=2)
        training.run(self.towards(model, 3.0), lambda: 0.5)
        self.assertEqual(training.progress.step, 15)

    def test_interrupted_and_resumed_it_comes_to_the_same_weights(self) -> None:
        whole = Number()
        self.make(whole, average=0.9).run(self.towards(whole, 3.0))

        cut = Number()
        first = self.make(cut, average=0.9)
        going = self.towards(cut, 3.0)

        def step(number: int) -> dict[str, float]:
            if number == 20:
                os.kill(os.getpid(), signal.SIGTERM)
            return going(number)

        self.assertFalse(first.run(step))
        self.assertEqual(first.progress.step, 21)
        other = Number()
        second = self.make(other, average=0.9)
        second.resume()
        self.assertTrue(second.run(self.towards(other, 3.0)))
        self.assertEqual(other.value.item(), whole.value.item())

    def test_a_checkpoint_of_another_recipe_is_refused(self) -> None:
        self.make(Number()).save()
        with self.assertRaisesRegex(ValueError, "another recipe"):
            self.make(Number(), steps=61).resume()

    def test_the_rate_warms_up_and_falls(self) -> None:
        schedule = loop.Schedule(steps=100, learning_rate=1.0, warm_up_share=0.1, floor_share=0.02)
        rates = [loop.rate(schedule, step) for step in range(100)]
        self.assertEqual(rates.index(max(rates)), 9)
        self.assertLess(rates[-1], 0.03)

    def test_a_bar_shows_how_far(self) -> None:
        line = loop.progress_line(loop.Progress(step=30), loop.Schedule(60, 0.1), {"loss": 0.5}, bar=True)
        self.assertTrue(line.startswith("[" + "=" * 15 + " " * 15 + "] step 30/60 loss=0.5"))


if __name__ == "__main__":
    unittest.main()
