"""Trains the extraction specialist, from the data to the card."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.nn import functional

import batches
import evaluate
import export
import extraction_card
import figures
import loop
import slot_baseline
import slots
from gguf_file import sha256
from loop import Schedule
from metrics import Json, processor
from model import Model, ModelShape
from prompt import PromptEncoder
from sources import SLOT_FILES, SLOTS, Booking, bookings, file_hashes, share_of
from tasks import RESTAURANT
from tokenizer import Tokenizer, byte_symbols, words_of

NAME, WORD = "suffice-slots", "booking_slots"
TEXT_TOKENS_MAX = 160
REHEARSAL_SAMPLE = 60
RIGHT_WANTED = 0.95  # of the served answers


@dataclass(frozen=True)
class Recipe:
    schedule: Schedule = Schedule(
        steps=900, learning_rate=2e-3, average=0.99, validate_every=150, patience=4, weight_decay=0.03
    )
    vocabulary: int = 2048
    occurs_min: int = 3
    context: int = 512
    layers: int = 3
    width: int = 192
    heads: int = 6
    hidden: int = 256
    seed: int = 20263
    tokens_per_step: int = 2048
    text_loss_weight: float = 0.1
    text_loss_share: float = 0.3
    quantisation: str = "Q4_0"


def make_tokenizer(rows: Sequence[Booking], recipe: Recipe) -> Tokenizer:
    """No token joins a space with a word: a value has the same tokens in the text and between its quotes."""
    texts = [word.strip() for row in rows for word in words_of(row.text) if word.strip()]
    # Trained on single words, so that merges never begin with a space.
    parts = [part for name in SLOTS for part in name.split("_")]
    whole = [*slots.WHOLE, *parts, "system", "user", "assistant", *WORD.split("_")]
    return Tokenizer.train(texts, recipe.vocabulary, "gpt-2", whole, recipe.occurs_min)


def start_copying(model: Model) -> None:
    """Sets values and output of the last block to the identity: what it attends to it writes, the output matrix being the
    embeddings. What is left to learn is where to look."""
    width, block = model.shape.width, model.blocks[-1]
    with torch.no_grad():
        block.query_key_value.weight[2 * width :].copy_(torch.eye(width))
        block.attention_out.weight.copy_(torch.eye(width))


class Objective:
    def __init__(self, recipe: Recipe, model: Model, encoder: PromptEncoder, train: list[Booking], tuning: list[Booking]) -> None:
        self._recipe, self._model, self._encoder = recipe, model, encoder
        self._rng = random.Random(recipe.seed)
        self._rows, self._augment = train, slots.Augmenter(train)
        self._tuning = self._cut([self.encode(row) for row in tuning])
        self._stream = self._batches()

    def encode(self, row: Booking) -> batches.Sequence:
        prompt = self._encoder.prompt(WORD, row.text, TEXT_TOKENS_MAX)
        return batches.Sequence(prompt + self._encoder.label(slots.answer_of(row.slots)), len(prompt))

    def _cut(self, sequences: list[batches.Sequence]) -> list[list[batches.Sequence]]:
        return batches.cut(sorted(sequences, key=lambda sequence: len(sequence.tokens)), self._recipe.tokens_per_step)

    def _batches(self) -> Iterator[list[batches.Sequence]]:
        order = list(range(len(self._rows)))
        while True:
            self._rng.shuffle(order)
            for start in range(0, len(order), 2000):
                drawn = [self._augment.draw(self._rows[i], self._rng) for i in order[start : start + 2000]]
                cut = self._cut([self.encode(row) for row in drawn if slots.usable(row)])
                self._rng.shuffle(cut)
                yield from cut

    def step(self, number: int) -> dict[str, float]:
        batch = batches.collate(next(self._stream), self._recipe.text_loss_share, self._rng)
        logits = self._model(batch.inputs, torch.cat((batch.label_positions, batch.text_positions)))
        labels = len(batch.label_positions)
        answer = functional.cross_entropy(logits[:labels], batch.label_targets, reduction="sum") / batch.examples
        text = functional.cross_entropy(logits[labels:], batch.text_targets)
        (answer + self._recipe.text_loss_weight * text).backward()
        return {"loss": answer.item(), "text": text.item()}

    def validate(self) -> float:
        """Share of the tuning answers of which every token is the likeliest, given those before it."""
        whole = 0
        for drawn in self._tuning:
            batch = batches.collate(drawn, 0.0, self._rng)
            right = (self._model(batch.inputs, batch.label_positions).argmax(-1) == batch.label_targets).tolist()
            place = 0
            for sequence in drawn:
                length = len(sequence.tokens) - sequence.label_start
                whole += all(right[place : place + length])
                place += length
        return whole / sum(map(len, self._tuning))


def scores(rows: Sequence[Booking], answers: Sequence[dict[str, str]]) -> Json:
    """Exact match of whole answers with its interval, and F1 of every slot with its counts."""
    exact = sum(row.slots == answer for row, answer in zip(rows, answers))
    filled = [(row, answer) for row, answer in zip(rows, answers) if row.slots]
    per_slot = {}
    for name in SLOTS:
        hits = sum(name in row.slots and answer.get(name) == row.slots[name] for row, answer in zip(rows, answers))
        wanted = sum(name in row.slots for row in rows)
        given = sum(name in answer for answer in answers)
        per_slot[name] = {"f1": 2 * hits / max(1, wanted + given), "right": hits, "in_texts": wanted, "given": given}
    hits, wanted, given = (sum(s[key] for s in per_slot.values()) for key in ("right", "in_texts", "given"))
    exact_filled = sum(row.slots == answer for row, answer in filled)
    return {
        "texts": len(rows),
        "exact": exact / len(rows),
        "interval_95": figures.wilson(exact, len(rows)),
        "exact_where_slots": exact_filled / max(1, len(filled)),
        "texts_with_slots": len(filled),
        "f1": 2 * hits / max(1, wanted + given),
        "slots": per_slot,
    }


def extract(scorer: evaluate.Scorer, tokenizer: Tokenizer, texts: Sequence[str]) -> list[tuple[dict[str, str], float]]:
    """The answers of the file, decoded greedily under the grammar."""
    encoder = PromptEncoder(tokenizer, [WORD])
    bytes_of = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
    pieces = []
    for token in tokenizer.tokens:
        try:
            pieces.append("" if token.startswith("<|") else bytes(bytes_of[s] for s in token).decode())
        except UnicodeDecodeError:
            pieces.append("")  # a part of a character: left to the real grammar
    out = []
    for text in texts:
        prompt = encoder.prompt(WORD, text, TEXT_TOKENS_MAX)
        written, probability = slots.decode(lambda tokens: scorer.logits(prompt + tokens), pieces, text)  # noqa: B023
        out.append((json.loads(written), probability))
    return out


def make(options: argparse.Namespace, work: Path, root: Path, say: Callable[[str], None]) -> int:
    recipe = Recipe()
    if options.rehearse:
        recipe = replace(recipe, schedule=replace(recipe.schedule, steps=4, validate_every=2))
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    train, tuning, held_out = (
        [row for row in part if slots.usable(row)] if index < 2 else part for index, part in enumerate(bookings(options.data))
    )
    tokenizer = make_tokenizer(train, recipe)
    model = Model(ModelShape(len(tokenizer), recipe.context, recipe.width, recipe.layers, recipe.heads, recipe.hidden))
    start_copying(model)
    objective = Objective(recipe, model, PromptEncoder(tokenizer, [WORD]), train, tuning)
    hashes = file_hashes(options.data, SLOT_FILES)
    training = loop.Loop(recipe.schedule, model, asdict(recipe) | {"data": hashes}, work / f"{NAME}.pt", say)
    if options.resume and training.checkpoint.exists():
        training.resume()
        say(f"resumed at step {training.progress.step}")
    say(f"{NAME}: training {model.parameter_count():,} parameters, {recipe.schedule.steps} steps, {len(train):,} texts")
    if not training.run(objective.step, objective.validate):
        say(f"stopped at step {training.progress.step}; --resume goes on from there")
        return 130

    options.out.mkdir(parents=True, exist_ok=True)
    gguf, whole_file = options.out / f"{NAME}-{recipe.quantisation.lower()}.gguf", work / f"{NAME}-f32.gguf"
    text = json.dumps(asdict(recipe), sort_keys=True)
    recipe_sha256 = hashlib.sha256(text.encode()).hexdigest()
    about = export.About(
        NAME,
        "People, date, time and names of a restaurant booking, as JSON.",
        [RESTAURANT],
        text,
        recipe_sha256,
        recipe.seed,
        json.dumps(hashes),
    )
    export.write_gguf(whole_file, model, tokenizer, about, root)
    export.quantise(whole_file, gguf, root, recipe.quantisation)
    loop.write_curve(training.progress, options.out / "loss_curve.svg")
    say("measuring the quantised file through libllama")
    report = measure(options, train + tuning, held_out, tokenizer, gguf, whole_file, work, root)
    report |= {
        "file": gguf.name,
        "bytes": gguf.stat().st_size,
        "sha256": sha256(gguf),
        "parameters": model.parameter_count(),
        "shape": model.shape.as_dict(),
        "recipe": asdict(recipe),
        "recipe_sha256": recipe_sha256,
        "data_sha256": hashes,
        "steps": training.progress.step,
        "best_step": training.progress.best_step,
        "cpu_minutes": round(training.progress.cpu_seconds / 60, 1),
        "counts": {"train": len(train), "tuning": len(tuning), "held out": len(held_out)},
    }
    (options.out / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")
    (options.out / "MODEL_CARD.md").write_text(extraction_card.render(report))
    say(f"done: {gguf}")
    return 0


def measure(
    options: argparse.Namespace,
    train: list[Booking],
    held_out: list[Booking],
    tokenizer: Tokenizer,
    gguf: Path,
    whole_file: Path,
    work: Path,
    root: Path,
) -> Json:
    rows = held_out[::REHEARSAL_SAMPLE] if options.rehearse else held_out
    program = evaluate.build_scorer(root, work)
    lines = evaluate.parity_lines(options.data, [row.text for row in rows])
    with evaluate.Scorer(program, gguf, root) as scorer:
        different = evaluate.tokenizer_parity(scorer, tokenizer, lines)
        answers = extract(scorer, tokenizer, [row.text for row in rows])
    seen = [figures.Outcome(row.slots == answer, p) for row, (answer, p) in zip(rows, answers)]
    # min_confidence from one half of the texts, what it serves from the other: see specialist_measure.served.
    sides = [share_of("threshold half 1", row.text) < 0.5 for row in rows]
    found = figures.threshold_for([outcome for outcome, first in zip(seen, sides) if first], RIGHT_WANTED)
    threshold = 1.0 if found is None else round(found.value, 4)
    others = [outcome for outcome, first in zip(seen, sides) if not first]
    served = [outcome for outcome in others if outcome.probability >= threshold]
    right = sum(outcome.right for outcome in served)
    report: Json = {
        "machine": processor(),
        "tokenizer_parity": {"lines": len(lines), "different": len(different)},
        "speed_tokens_per_second": evaluate.bench(gguf, root),
        "evaluation": scores(rows, [answer for answer, _ in answers]),
        "rules": scores(rows, [slot_baseline.by_rules(row.text) for row in rows]),
        "auroc_right_wrong": figures.auroc(seen),
        "right_at_coverage": {f"{share:g}": figures.accuracy_of_surest(seen, share) for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)},
        "served": {
            "threshold": threshold,
            "served": len(served),
            "of": len(others),
            "right": right,
            "accuracy": right / max(1, len(served)),
            "interval_95": figures.wilson(right, len(served)),
        },
    }
    if not options.rehearse:
        with evaluate.Scorer(program, whole_file, root) as scorer:
            whole = extract(scorer, tokenizer, [row.text for row in rows])
        report["evaluation_f32"] = scores(rows, [answer for answer, _ in whole])
        tagger = slot_baseline.Tagger(train)
        report["tagger"] = scores(rows, [tagger.extract(row.text) for row in rows])
    return report
