"""Trains one classification specialist, from the data to the card; see tasks.py for what differs between them."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy
import torch

import bag
import export
import loop
import specialist_card
import specialist_measure
from gguf_file import sha256
from model import Model, ModelShape
from prompt import PromptEncoder
from sources import file_hashes
from tasks import Recipe, Specialist, Task
from teacher import Teacher
from tokenizer import Tokenizer

REHEARSAL_STEPS = 6
END_WEIGHT = 0.05  # of the loss of the end token after the label


def slip(text: str, rng: random.Random) -> str:
    """The text with a slip of the pen: a word missing, two exchanged, one twice, or two letters exchanged."""
    words = text.split(" ")
    if len(words) < 3:
        return text
    place, kind = rng.randrange(len(words) - 1), rng.random()
    if kind < 0.4:
        del words[place]
    elif kind < 0.6:
        words[place], words[place + 1] = words[place + 1], words[place]
    elif kind < 0.7:
        words.insert(place, words[place])
    elif len(words[place]) > 3:
        letter = rng.randrange(len(words[place]) - 1)
        word = words[place]
        words[place] = word[:letter] + word[letter + 1] + word[letter] + word[letter + 2 :]
    return " ".join(words)


class Asker:
    """Texts to prompts of one task. Of a longer text the end or the start is kept."""

    def __init__(self, tokenizer: Tokenizer, specialist: Specialist) -> None:
        self._encoder = PromptEncoder(tokenizer, [specialist.word])
        self._tokenizer = tokenizer
        self._specialist = specialist
        self.head = self._encoder.head(specialist.word)
        self._tail = self._encoder.prompt(specialist.word, "", 0)[len(self.head) :]

    def after_head(self, text: str, rng: random.Random | None = None) -> list[int]:
        """With `rng`, some of the words are in smaller pieces, as the recipe says."""
        share = 0.0 if rng is None else self._specialist.recipe.cut_share
        text = text.strip()
        body = self._tokenizer.encode_cut(text, share, rng) if rng and share > 0 else self._tokenizer.encode(text)
        limit = self._specialist.recipe.text_tokens_max
        return (body[-limit:] if self._specialist.keep == "end" else body[:limit]) + self._tail

    def prompt(self, text: str) -> list[int]:
        return self.head + self.after_head(text)


def targets_of(task: Task, recipe: Recipe, say: Callable[[str], None]) -> tuple[list[str], numpy.ndarray]:
    """Texts and what should be answered, as probabilities of the labels."""
    places = {label: index for index, label in enumerate(task.labels)}
    texts, labels = [text for text, _ in task.train], numpy.array([places[label] for _, label in task.train])
    hard = numpy.eye(len(task.labels), dtype=numpy.float32)[labels]
    if recipe.teacher_share == 0:
        return texts, hard
    teacher = Teacher(texts, labels, len(task.labels))
    say(f"the teacher is right on {100 * teacher.accuracy:.1f} % of the training texts it was not fitted to")
    soft = (1 - recipe.teacher_share) * hard + recipe.teacher_share * teacher.cross_fitted
    if task.extra:
        return texts + task.extra, numpy.concatenate([soft, teacher.probabilities(task.extra)]).astype(numpy.float32)
    return texts, soft.astype(numpy.float32)


class Objective:
    """Steps and validation: cross-entropy with the soft targets at the label, a little of the end token after it."""

    def __init__(
        self,
        specialist: Specialist,
        model: Model,
        tokenizer: Tokenizer,
        asker: Asker,
        texts: Sequence[str],
        targets: numpy.ndarray,
        task: Task,
    ) -> None:
        self._recipe, self._model, self._asker = specialist.recipe, model, asker
        self._texts, self._targets = texts, torch.from_numpy(targets)
        self._head, self._end = torch.tensor(asker.head), tokenizer.im_end
        self.label_tokens = [tokenizer.encode(label)[0] for label in task.labels]
        self._labels = torch.tensor(self.label_tokens)
        self._rng = random.Random(specialist.recipe.seed)
        self._stream = self._batches()
        self._tuning = [(asker.after_head(text), task.labels.index(label)) for text, label in task.tuning]
        self._tuning.sort(key=lambda pair: len(pair[0]))

    def _batches(self) -> Iterator[list[tuple[list[int], int]]]:
        order, rng, recipe = list(range(len(self._texts))), self._rng, self._recipe
        while True:
            rng.shuffle(order)
            for start in range(0, len(order), 4000):
                drawn = []
                for index in order[start : start + 4000]:
                    text = self._texts[index]
                    text = slip(text, rng) if rng.random() < recipe.noisy_share else text
                    drawn.append((self._asker.after_head(text, rng), index))
                cut = self._cut(sorted(drawn, key=lambda pair: len(pair[0])))
                rng.shuffle(cut)
                yield from cut

    def _cut(self, ordered: list[tuple[list[int], int]]) -> list[list[tuple[list[int], int]]]:
        out: list[list[tuple[list[int], int]]] = [[]]
        for pair in ordered:
            if out[-1] and (len(out[-1]) + 1) * (len(pair[0]) + 1) > self._recipe.tokens_per_step:
                out.append([])
            out[-1].append(pair)
        return out

    def _logits(self, rows: list[tuple[list[int], int]], labels: list[int], dropout: float) -> torch.Tensor:
        time = max(len(tokens) for tokens, _ in rows) + 1
        inputs = torch.zeros((len(rows), time), dtype=torch.long)
        for row, ((tokens, _), label) in enumerate(zip(rows, labels)):
            inputs[row, : len(tokens) + 1] = torch.tensor([*tokens, self.label_tokens[label]])
        at = torch.tensor([[len(tokens) - 1, len(tokens)] for tokens, _ in rows])
        return self._model.answers(self._head, inputs, at, dropout)

    def step(self, number: int) -> dict[str, float]:
        rows = next(self._stream)
        wanted = self._targets[[index for _, index in rows]]
        logits = self._logits(rows, wanted.argmax(1).tolist(), self._recipe.token_dropout)
        label_loss = -(wanted * logits[:, 0].log_softmax(-1)[:, self._labels]).sum() / len(rows)
        end_loss = -logits[:, 1].log_softmax(-1)[:, self._end].mean()
        (label_loss + END_WEIGHT * end_loss).backward()
        return {"loss": label_loss.item()}

    def validate(self) -> float:
        """Share of the tuning texts that are answered rightly."""
        right = 0
        for rows in self._cut(self._tuning):
            answers = self._logits(rows, [0] * len(rows), 0.0)[:, 0][:, self._labels].argmax(-1)
            right += sum(answer == label for answer, (_, label) in zip(answers.tolist(), rows))
        return right / len(self._tuning)


def make(specialist: Specialist, options: argparse.Namespace, work: Path, root: Path, say: Callable[[str], None]) -> int:
    recipe = specialist.recipe
    if options.rehearse:
        schedule = replace(recipe.schedule, steps=REHEARSAL_STEPS, validate_every=3)
        recipe = replace(recipe, schedule=schedule, teacher_share=0.0, bag_epochs=1)
        specialist = replace(specialist, recipe=recipe)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # a second thread waits more than it helps at this size
    say(f"{specialist.name}: reading the data")
    task = specialist.load(options.data)
    whole = [*task.labels, "system", "user", "assistant", specialist.word]
    tokenizer = Tokenizer.train(
        [text for text, _ in task.train], recipe.vocabulary, "bloom", whole, recipe.occurs_min
    )
    model = Model(ModelShape(len(tokenizer), recipe.context, recipe.width, recipe.layers, recipe.heads, recipe.hidden))
    asker = Asker(tokenizer, specialist)
    training = loop.Loop(recipe.schedule, model, identity(specialist, options.data), work / f"{specialist.name}.pt", say)
    resumed = options.resume and training.checkpoint.exists()
    if resumed:
        training.resume()
        say(f"resumed at step {training.progress.step}")
    finished = training.progress.step >= recipe.schedule.steps  # interrupted after training: no need of the teacher
    texts, targets = ([], numpy.zeros((0, 0), numpy.float32)) if finished else targets_of(task, recipe, say)
    objective = Objective(specialist, model, tokenizer, asker, texts, targets, task)
    if not resumed:
        cutting = random.Random(recipe.seed)

        def prompt(row: int) -> list[int]:
            return asker.head + asker.after_head(texts[row], cutting)

        accuracy = bag.start(model, prompt, targets, objective.label_tokens, recipe.bag_epochs, recipe.seed)
        with torch.no_grad():
            tuned = objective.validate()
        say(f"bag of tokens: {100 * accuracy:.1f} % of what it learned from, as a transformer {100 * tuned:.1f} % of the tuning texts")
        training.restart_average()
    say(f"training {model.parameter_count():,} parameters, {recipe.schedule.steps} steps, {len(texts):,} texts")
    if not training.run(objective.step, objective.validate):
        say(f"stopped at step {training.progress.step}; --resume goes on from there")
        return 130

    options.out.mkdir(parents=True, exist_ok=True)
    gguf = options.out / f"{specialist.name}-{recipe.quantisation.lower()}.gguf"
    whole_file = work / f"{specialist.name}-f32.gguf"
    export.write_gguf(whole_file, model, tokenizer, about(specialist, options.data), root)
    export.quantise(whole_file, gguf, root, recipe.quantisation)
    loop.write_curve(training.progress, options.out / "loss_curve.svg")
    (options.out / "labels.json").write_text(json.dumps({specialist.word: task.labels}, indent=2) + "\n")
    say("measuring the quantised file through libllama")
    report = specialist_measure.measure(specialist, task, tokenizer, asker.prompt, gguf, whole_file, options, work, root)
    report |= {
        "name": specialist.name,
        "file": gguf.name,
        "bytes": gguf.stat().st_size,
        "sha256": sha256(gguf),
        "parameters": model.parameter_count(),
        "shape": model.shape.as_dict(),
        "recipe": asdict(recipe),
        "recipe_sha256": recipe_sha256(recipe),
        "data_sha256": file_hashes(options.data, list(specialist.files)),
        "steps": training.progress.step,
        "best_step": training.progress.best_step,
        "cpu_minutes": round((training.total_cpu_seconds()) / 60, 1),
        "counts": {"train": len(task.train), "taught": len(task.extra), "tuning": len(task.tuning), "held out": len(task.held_out)},
    }
    (options.out / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")
    (options.out / "MODEL_CARD.md").write_text(specialist_card.render(specialist, report))
    say(f"done: {gguf}")
    return 0


def recipe_text(recipe: Recipe) -> str:
    return json.dumps(asdict(recipe), sort_keys=True)


def recipe_sha256(recipe: Recipe) -> str:
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()


def identity(specialist: Specialist, directory: Path) -> dict[str, object]:
    return asdict(specialist.recipe) | {"data": file_hashes(directory, list(specialist.files))}


def about(specialist: Specialist, directory: Path) -> export.About:
    return export.About(
        specialist.name,
        specialist.description,
        specialist.sources,
        recipe_text(specialist.recipe),
        recipe_sha256(specialist.recipe),
        specialist.recipe.seed,
        json.dumps(file_hashes(directory, list(specialist.files)), sort_keys=True),
    )
