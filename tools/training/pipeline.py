"""The steps of `train`, in order; each takes files or values and leaves files or values."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import baseline
import card
import data
import evaluate
import export
import metrics
import train
from tokenizer import Tokenizer

NAME = "suffice-mini-q4_0.gguf"
REHEARSAL_STEPS = 10
REHEARSAL_SAMPLE = 25  # one in so many held-out texts


SOURCES = (
    "CLINC150, https://github.com/clinc/oos-eval, CC BY 3.0",
    "BUMP, https://github.com/chains-project/bump, MIT",
    "IT Service Ticket Classification, https://github.com/Lunalykaya/IT-Service-Ticket-Classification, CC0 1.0",
    "PyPA advisory database, https://github.com/pypa/advisory-database, CC BY 4.0",
)


def about(recipe: train.Recipe) -> export.About:
    return export.About(
        "suffice-mini",
        "Classifies build failures and issues, IT tickets and intents; trained from scratch.",
        SOURCES,
        train.recipe_text(recipe),
        train.recipe_hash(recipe),
        recipe.seed,
    )


def make_model(options: argparse.Namespace, work: Path, root: Path, say: Callable[[str], None]) -> int:
    recipe = replace(train.Recipe(), steps=REHEARSAL_STEPS) if options.rehearse else train.Recipe()
    options.out.mkdir(parents=True, exist_ok=True)

    say("reading the data")
    corpus = data.load(options.data)
    say(f"training the tokenizer, {recipe.vocabulary} tokens")
    tokenizer = Tokenizer.train(data.tokenizer_texts(corpus), recipe.vocabulary)

    trainer = train.Trainer(recipe, corpus, tokenizer, work / "checkpoint.pt", say)
    say(f"training {trainer.model.parameter_count():,} parameters, {recipe.steps} steps")
    if options.resume and trainer.checkpoint.exists():
        trainer.resume()
        say(f"resumed at step {trainer.progress.step}")
    if not trainer.run():
        say(f"stopped at step {trainer.progress.step}; --resume goes on from there")
        return 130
    train.write_curve(trainer.progress, options.out / "loss_curve.svg")

    gguf = options.out / NAME
    say("exporting and quantising")
    export.write_gguf(work / "f32.gguf", trainer.model, tokenizer, about(recipe), root)
    export.quantise(work / "f32.gguf", gguf, root)
    (options.out / "labels.json").write_text(json.dumps(corpus.labels, indent=2) + "\n")

    say("evaluating the quantised file through libllama")
    if options.rehearse:
        corpus.held_out = corpus.held_out[::REHEARSAL_SAMPLE]
    report = measure(options, trainer, corpus, tokenizer, gguf, work, root)
    report["cpu_minutes"] = {
        "training": round(trainer.progress.cpu_seconds / 60, 1),
        "everything": round(trainer.total_cpu_seconds() / 60, 1),
    }
    (options.out / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")
    (options.out / "MODEL_CARD.md").write_text(card.render(report))
    say(f"done: {gguf}")
    return 0


def measure(
    options: argparse.Namespace,
    trainer: train.Trainer,
    corpus: data.Corpus,
    tokenizer: Tokenizer,
    gguf: Path,
    work: Path,
    root: Path,
) -> metrics.Json:
    scorer_program = evaluate.build_scorer(root, work)
    lines = evaluate.parity_lines(options.data, [example.text for example in corpus.held_out])
    with evaluate.Scorer(scorer_program, gguf, root) as scorer:
        different = evaluate.tokenizer_parity(scorer, tokenizer, lines)
        predictions = evaluate.predict(scorer, corpus, tokenizer, trainer.recipe.context)
    with evaluate.Scorer(scorer_program, work / "f32.gguf", root) as scorer:
        unquantised = evaluate.predict(scorer, corpus, tokenizer, trainer.recipe.context)

    report = metrics.model_facts(trainer, gguf, train.recipe_hash(trainer.recipe))
    report["sha256"] = hashlib.sha256(gguf.read_bytes()).hexdigest()
    report["counts"] = corpus.counts
    report["tokenizer_parity"] = {"lines": len(lines), "different": len(different)}
    report["chat_template_renders_the_contract"] = evaluate.chat_contract_holds(gguf, root)
    report["speed_tokens_per_second"] = evaluate.bench(gguf, root)
    report["evaluation"] = metrics.by_group([(p.example, p.label, p.probability) for p in predictions])
    report["evaluation_f32"] = metrics.by_group([(p.example, p.label, p.probability) for p in unquantised])
    report["thresholds"] = metrics.thresholds([(p.example, p.label, p.probability) for p in predictions])
    report["ticket_labels"] = data.TICKET_LABELS
    if not options.rehearse:
        linear = [p for task in data.TASKS for p in baseline.predict(task, corpus)]
        report["baseline"] = metrics.by_group([(p.example, p.label, p.probability) for p in linear])
    return report
