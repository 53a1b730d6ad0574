"""Model, batches and training loop on tiny shapes. Needs torch."""

import os
import random
import signal
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

try:
    import torch
except ImportError:
    raise unittest.SkipTest("Python's torch is not installed (tools/bootstrap train)") from None

import batches
import data
import train
from export import tensors
from model import Model, ModelShape, rotary_table, rotate
from prompt import PromptEncoder
from tokenizer import Tokenizer

SHAPE = ModelShape(vocabulary=300, context=64, width=16, layers=2, heads=2, hidden=24)


def small_corpus() -> data.Corpus:
    """A few real-looking examples per source; enough to draw an epoch of every task."""
    corpus = data.Corpus()
    logs = [(label, f"[ERROR] {label} failed in module{n} of the thing") for label in data.BUILD_LOG_LABELS for n in range(4)]
    corpus.train_logs = [data.BuildLog(f"project{i}", label, text * 9, text) for i, (label, text) in enumerate(logs)]
    corpus.train_tickets = [(f"ticket {n} about a thing", "access" if n % 2 else "hardware") for n in range(900)]
    corpus.train_intents = [(f"please do {n % 5} things", f"do_{n % 5}") for n in range(60)]
    corpus.train_out_of_scope = [f"what is {n}" for n in range(60)]
    corpus.train_advisories = [f"package {n} allows remote code execution" for n in range(260)]
    corpus.sentences = [f"the river {n} is long" for n in range(200)]
    corpus.labels = {data.ISSUE: list(data.ISSUE_LABELS), data.TICKET: ["access", "hardware"], data.INTENT: ["do_1"]}
    return corpus


class Rotation(unittest.TestCase):
    def test_turns_neighbouring_pairs_by_the_position(self) -> None:
        cos, sin = rotary_table(SHAPE)
        x = torch.zeros(1, 1, SHAPE.context, 8)
        x[..., 0] = 1.0  # the first pair is (1, 0) at every position

        turned = rotate(x, cos, sin)

        self.assertAlmostEqual(turned[0, 0, 3, 0].item(), torch.cos(torch.tensor(3.0)).item(), places=5)
        self.assertAlmostEqual(turned[0, 0, 3, 1].item(), torch.sin(torch.tensor(3.0)).item(), places=5)


class ModelTest(unittest.TestCase):
    def test_a_position_does_not_see_what_comes_after(self) -> None:
        model = Model(SHAPE)
        first = torch.tensor([[1, 2, 3, 4]])
        second = torch.tensor([[1, 2, 9, 9]])
        at = torch.tensor([1])
        self.assertTrue(torch.equal(model(first, at), model(second, at)))

    def test_padding_at_the_end_changes_nothing(self) -> None:
        model = Model(SHAPE)
        at = torch.tensor([2])
        alone, padded = model(torch.tensor([[5, 6, 7]]), at), model(torch.tensor([[5, 6, 7, 0, 0]]), at)
        self.assertTrue(torch.allclose(alone, padded, atol=1e-6))

    def test_export_names_every_parameter(self) -> None:
        model = Model(SHAPE)
        exported = sum(array.size for array in tensors(model).values())
        self.assertEqual(exported, model.parameter_count())


class Batches(unittest.TestCase):
    def test_targets_are_the_tokens_that_follow(self) -> None:
        sequences = [batches.Sequence([5, 6, 7, 8], 2), batches.Sequence([1, 2, 3], 2)]

        batch = batches.collate(sequences, 1.0, random.Random(0))

        flat = batch.inputs.flatten()
        self.assertEqual(flat[batch.label_positions].tolist(), [6, 7, 2])
        self.assertEqual(batch.label_targets.tolist(), [7, 8, 3])
        self.assertEqual(batch.text_targets.tolist(), [6, 2])

    def test_a_long_text_keeps_its_end(self) -> None:
        tokenizer = Tokenizer([])
        encoder = PromptEncoder(tokenizer, data.TASKS)
        sequence = batches.encode(encoder, data.Example(data.ISSUE, "x" * 500 + "END", "test", "log"), 128)
        self.assertEqual(len(sequence.tokens), 128)
        self.assertIn("END<|im_end|>\n<|im_start|>assistant\ntest<|im_end|>", tokenizer.decode(sequence.tokens))

    def test_the_prompt_is_the_contract(self) -> None:
        tokenizer = Tokenizer([])
        prompt = PromptEncoder(tokenizer, data.TASKS).prompt(data.INTENT, "hi <|im_end|>", 99)
        expected = (
            "<|im_start|>system\nintent<|im_end|>\n"
            "<|im_start|>user\nhi <|im_end|><|im_end|>\n"
            "<|im_start|>assistant\n"
        )
        self.assertEqual(tokenizer.decode(prompt), expected)
        self.assertEqual(prompt.count(tokenizer.im_end), 2)


class Loop(unittest.TestCase):
    RECIPE = train.Recipe(
        vocabulary=280, context=96, width=16, heads=2, hidden=24, steps=6, warm_up_steps=2,
        tokens_per_step={data.ISSUE: 300, data.TICKET: 300, data.INTENT: 300},
    )

    def trainer(self, folder: str, recipe: train.Recipe = RECIPE) -> train.Trainer:
        corpus = small_corpus()
        tokenizer = Tokenizer.train([text for text, _ in corpus.train_intents], 280)
        return train.Trainer(recipe, corpus, tokenizer, Path(folder) / "checkpoint.pt", lambda line: None)

    def test_same_seed_same_weights(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            one = self.trainer(folder)
            one.run()
            two = self.trainer(folder)
            two.run()
            self.assertTrue(torch.equal(one.model.embedding.weight, two.model.embedding.weight))

    def test_goes_on_from_its_checkpoint(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            first = self.trainer(folder)
            first.run()
            second = self.trainer(folder)

            second.resume()

            self.assertEqual(second.progress.step, 6)
            self.assertTrue(torch.equal(first.model.embedding.weight, second.model.embedding.weight))
            self.assertTrue(second.run())

    def test_sigterm_leaves_a_checkpoint_to_go_on_from(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            stopped, steps = self.trainer(folder), []
            whole_step = stopped._step

            def step_with_signal(*arguments: object) -> dict[str, float]:
                steps.append(1)
                if len(steps) == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                return whole_step(*arguments)  # type: ignore[arg-type]

            stopped._step = step_with_signal  # type: ignore[method-assign]
            self.assertFalse(stopped.run())

            resumed = self.trainer(folder)
            resumed.resume()
            self.assertEqual(resumed.progress.step, 3)
            self.assertTrue(resumed.run())
            self.assertEqual(resumed.progress.step, 6)

    def test_refuses_the_checkpoint_of_another_recipe(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.trainer(folder).run()
            with self.assertRaisesRegex(ValueError, "another recipe"):
                self.trainer(folder, replace(self.RECIPE, seed=7)).resume()


if __name__ == "__main__":
    unittest.main()
