"""`suffice eval` as a user runs it: the shipped suites with the shipped models, exit codes, resuming, comparing. Needs the program: SUFFICE_BIN."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
SUITES = ROOT / "examples" / "suites"
OK, USAGE, GATE_NOT_MET = 0, 2, 3
# Two tickets that the shipped model answers with confidence: hardware and storage.
HEADSET = "headset no sound on left side only when plugged into laptop works on phone can i get a spare one"
MAILBOX = "mailbox full cannot send mails anymore quota says fifty gb of fifty please increase size i already cleaned deleted items"
# What the shipped models get wrong in the shipped suites. A new name here is a model, prompt or threshold that became worse.
KNOWN_MISSES = {"classify_issue": ["issue-maven-plugin-missing"]}


def models_ship():
    policy = (ROOT / "examples" / "policy.yaml").read_text(encoding="utf-8")
    files = [line.split("model:")[1].strip() for line in policy.splitlines() if line.strip().startswith("model: ../models/")]
    return all((ROOT / "examples" / file).is_file() for file in files)


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
@unittest.skipUnless(models_ship(), "a model of examples/policy.yaml is missing")
class Eval(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-eval-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def eval(self, *arguments):
        command = [PROGRAM, "eval", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    def suite(self, cases, name="mine", task="it_ticket", more=""):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        text = f"version: 1\ntask: {task}\npolicy: {ROOT}/examples/policy.yaml\nprovenance: this test\nlicence: Apache-2.0\n{more}"
        (folder / "suite.yaml").write_text(text, encoding="utf-8")
        lines = [case if isinstance(case, str) else json.dumps(case) for case in cases]
        (folder / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    def test_every_shipped_task_has_a_suite_and_no_hard_stop_is_answered_locally(self):
        suites = sorted(path.parent for path in SUITES.glob("*/suite.yaml"))
        self.assertEqual(len(suites), 12)
        ran = self.eval(*suites, "--json", "--out", self.folder / "out")
        self.assertTrue(ran.stdout, ran.stderr)
        report = json.loads(ran.stdout)
        self.assertEqual(len(report["suites"]), 12)
        for suite in report["suites"]:
            with self.subTest(suite["suite"]):
                self.assertEqual(suite["figures"]["hard_stop_accepts"]["k"], 0, suite["false_accepts"])
                self.assertEqual(suite["figures"]["kill_switch_local"]["k"], 0)
                self.assertGreater(suite["figures"]["kill_switch_local"]["n"], 0)
                self.assertEqual([accept["id"] for accept in suite["false_accepts"]], KNOWN_MISSES.get(suite["suite"], []))
                self.assertEqual(suite["gate_met"], suite["suite"] not in KNOWN_MISSES)
        self.assertEqual(ran.returncode, GATE_NOT_MET)
        page = (self.folder / "out" / "report.html").read_text(encoding="utf-8")
        self.assertLess(page.index("false accepts"), page.index("release gate"))
        self.assertNotIn("<script", page)

    def test_a_wrong_local_answer_is_exit_3_and_comes_first(self):
        right = {"id": "right", "input": HEADSET, "expected": "hardware"}
        wrong = {"id": "wrong", "input": MAILBOX, "expected": "hardware"}
        folder = self.suite([right, wrong], more="gates: {false_accepts_on_hard_stops: off}\n")
        ran = self.eval(folder, "--json")
        self.assertEqual(ran.returncode, GATE_NOT_MET, ran.stderr)
        suite = json.loads(ran.stdout)["suites"][0]
        self.assertEqual([accept["id"] for accept in suite["false_accepts"]], ["wrong"])
        self.assertEqual(suite["figures"]["accepted"]["k"], 2)

    def test_problems_of_a_suite_are_exit_2_with_every_line(self):
        folder = self.suite(['{"id": "a", "input": "x", "expected": "hardware"}', "oops", '{"id": "a", "input": "x"}'])
        ran = self.eval(folder)
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn(f"{folder}/cases.jsonl:2", ran.stderr)
        self.assertIn(f"{folder}/cases.jsonl:3", ran.stderr)
        folder = self.suite([{"id": "a", "input": "x", "expected": "hardwear"}])
        ran = self.eval(folder)
        self.assertEqual(ran.returncode, USAGE)
        self.assertIn('did you mean "hardware"', ran.stderr)
        folder = self.suite([{"id": "a", "input": "x", "expected": "y"}], task="it_tiket")
        self.assertEqual(self.eval(folder).returncode, USAGE)
        self.assertEqual(self.eval(self.folder / "nowhere").returncode, USAGE)

    def test_an_interrupted_run_goes_on_where_it_was_and_gives_the_same_report(self):
        whole, cut = self.folder / "whole", self.folder / "cut"
        suite = SUITES / "it_ticket"
        first = self.eval(suite, "--json", "--out", whole)
        lines = (whole / "results.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        cut.mkdir()
        (cut / "results.jsonl").write_text("".join(lines[:30]) + lines[30][:25], encoding="utf-8")

        again = self.eval(suite, "--json", "--out", cut)
        self.assertEqual(again.returncode, USAGE)
        self.assertIn("--resume", again.stderr)
        resumed = self.eval(suite, "--json", "--out", cut, "--resume")

        self.assertEqual(resumed.returncode, first.returncode, resumed.stderr)
        for report in (first, resumed):
            self.assertTrue(report.stdout)
        one, other = (json.loads(ran.stdout)["suites"][0] for ran in (first, resumed))
        self.assertEqual(one["figures"], other["figures"])
        self.assertEqual(one["ways"], other["ways"])
        kept = (cut / "results.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(kept), len(lines))
        self.assertEqual(kept[:30], [line.rstrip("\n") for line in lines[:30]])

    def test_against_an_earlier_run_says_which_cases_went_another_way(self):
        ticket = {"id": "t", "input": HEADSET, "expected": "hardware"}
        off = "gates: {false_accepts_on_hard_stops: off}\n"
        before = self.eval(self.suite([ticket], more=off), "--json", "--out", self.folder / "before")
        self.assertEqual(before.returncode, OK, before.stdout + before.stderr)
        policy = (ROOT / "examples" / "policy.yaml").read_text(encoding="utf-8").replace("../models/", f"{ROOT}/models/")
        strict = self.folder / "strict.yaml"
        text = policy.replace("recordings/", f"{ROOT}/examples/recordings/").replace("file: workflows/", f"file: {ROOT}/examples/workflows/")
        certified = f"certificate: {ROOT}/models/suffice-ticket-linear/suffice-ticket-linear.cert"
        self.assertIn(certified, text)
        text = text.replace(certified, "min_confidence: 1")
        strict.write_text(text.replace("version: 1\n", f"version: 1\nprompts: [{ROOT}/examples/prompts]\n", 1), encoding="utf-8")
        after = self.eval(self.folder / "mine", "--json", "--policy", strict, "--against", self.folder / "before")
        self.assertEqual(after.returncode, GATE_NOT_MET, after.stderr)
        against = json.loads(after.stdout)["suites"][0]["against"]
        self.assertEqual(against["changes"], [{"id": "t", "before": "local, right", "now": "frontier, confidence_low"}])


if __name__ == "__main__":
    unittest.main()
