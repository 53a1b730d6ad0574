"""`suffice prompts` as a user runs it: what it prints, and its exit codes. Needs the program: SUFFICE_BIN."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
OK, USAGE, GATE_NOT_MET = 0, 2, 3

SORTER = """name: sorter
version: {version}
description: d
system: You sort.
parser: label
categories: [{{label: A, when: it is a}}, {{label: B, when: it is b}}]
tie_break: ["a and b: A"]
examples: [{{input: x, output: A, wrong: It is A.}}]
reminder: {reminder}
max_output_tokens: 4
tests: [{{input: x, output: A, answer: {answer}}}]
"""


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Prompts(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-prompts-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, version=1, reminder="Answer A or B.", answer="' a '"):
        (self.folder / "sorter").mkdir(exist_ok=True)
        text = SORTER.format(version=version, reminder=reminder, answer=answer)
        (self.folder / "sorter" / f"{version}.yaml").write_text(text, encoding="utf-8")

    def run_prompts(self, *arguments, mine=True, text=None):
        where = ["--prompts", str(self.folder)] if mine else []
        return subprocess.run([PROGRAM, "prompts", *arguments, *where], cwd=ROOT, input=text, capture_output=True, text=True, timeout=120)

    def test_the_shipped_prompts_pass_their_tests_and_the_lint(self):
        for command in ("test", "lint"):
            ran = self.run_prompts(command, mine=False)
            self.assertEqual(ran.returncode, OK, ran.stdout + ran.stderr)

    def test_a_failed_test_is_exit_3_and_says_what_was_expected(self):
        self.write(answer="B")
        ran = self.run_prompts("test")
        self.assertEqual(ran.returncode, GATE_NOT_MET)
        self.assertIn('failed sorter@1, test 1: expected "A", got "B"', ran.stdout)
        counted = json.loads(self.run_prompts("test", "--json").stdout)[0]
        self.assertEqual((counted["passed"], counted["failed"], counted["not_asked"]), (0, 1, 0))

    def test_lint_names_file_and_line(self):
        self.write()
        file = self.folder / "sorter" / "1.yaml"
        file.write_text(file.read_text().replace("tie_break", "rules"), encoding="utf-8")
        ran = self.run_prompts("lint")
        self.assertEqual(ran.returncode, GATE_NOT_MET)
        self.assertIn(f"{file}:6:1: categories: no tie-break", ran.stdout)

    def test_a_locked_version_that_changed_is_refused_until_it_is_restored(self):
        self.write()
        self.assertEqual(self.run_prompts("lock").stdout, "locked sorter@1\n")
        self.write(reminder="Answer B or A.")
        for command in ("list", "lint", "test", "lock"):
            ran = self.run_prompts(command)
            self.assertEqual(ran.returncode, USAGE, command)
            self.assertIn("sorter@1 was shipped (prompts.lock) and has changed since", ran.stderr)
        self.write()
        self.assertEqual(self.run_prompts("lint").returncode, OK)

    def test_show_prints_what_is_sent_and_what_is_cut(self):
        self.write()
        shown = json.loads(self.run_prompts("show", "sorter", "the text", "--json").stdout)
        self.assertEqual([message["role"] for message in shown["messages"]], ["system", "user", "assistant", "user"])
        self.assertEqual(shown["messages"][-1]["content"], "the text\n\nAnswer A or B.")
        too_long = self.run_prompts("show", "sorter", "--input", "-", "--context", "128", text="x" * 5000)
        self.assertEqual(too_long.returncode, USAGE)
        self.assertIn("the model's context has 128", too_long.stderr)

    def test_diff_shows_the_lines_that_differ(self):
        self.write()
        self.write(version=2, reminder="Answer with A or B.")
        ran = self.run_prompts("diff", "sorter@1", "sorter@2")
        self.assertEqual(ran.returncode, OK)
        self.assertIn("- Answer A or B.\n+ Answer with A or B.\n", ran.stdout)

    def test_an_unknown_prompt_says_the_next_step(self):
        self.write()
        ran = self.run_prompts("show", "nobody")
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn("suffice prompts list", ran.stderr)

    def test_reduce_keeps_the_error_and_says_what_it_left_out(self):
        log = "[INFO] Downloading from central: x\n" * 500 + "[ERROR] cannot find symbol\n"
        ran = subprocess.run([PROGRAM, "prompts", "reduce", "--chars", "100"], input=log, capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.stdout, "[ERROR] cannot find symbol\n")
        self.assertEqual(ran.stderr, "left out: 500 of 501 lines of the log (500 of progress, 0 repeated errors)\n")


if __name__ == "__main__":
    unittest.main()
