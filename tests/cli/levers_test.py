"""`suffice levers` on a gateway that runs and on a folder without one. Needs the program: SUFFICE_BIN."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
OK, USAGE, GATE = 0, 2, 3
POLICY = """
version: 1
models:
  small: {provider: recorded, model: said.jsonl, local: true, stand_in: true, price: {input: 0}}
  next: {provider: recorded, model: next.jsonl, local: true, stand_in: true, price: {input: 0}}
  large: {provider: recorded, model: large.jsonl, stand_in: true, price: {input: 3, output: 15}}
frontier: large
tasks:
  ask: {tiers: [small, large], confidence: self_reported, min_confidence: 0.5, candidate: next}
"""


def said(text, confidence):
    return json.dumps({"task": "ask", "match": {"input_contains": ["?"]}, "response": {"text": f"{text}\nCONFIDENCE: {confidence}", "usage": "estimate"}})


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Levers(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-levers-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "policy.yaml").write_text(POLICY)
        (self.folder / "said.jsonl").write_text(said("small", 8))
        (self.folder / "next.jsonl").write_text(said("next", 8))
        (self.folder / "large.jsonl").write_text(json.dumps({"task": "ask", "match": {"input_contains": ["?"]}, "response": {"text": "large", "usage": "estimate"}}))

    def suffice(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=120)

    def levers(self, *arguments):
        return self.suffice("levers", *arguments, "--data", self.folder / "data")

    def serve(self):
        gateway = subprocess.Popen([PROGRAM, "serve", "--policy", "policy.yaml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                    "--data", str(self.folder / "data")], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

        def stop():
            gateway.send_signal(signal.SIGTERM)
            gateway.wait(timeout=30)
            gateway.stdout.close()

        self.addCleanup(stop)
        for line in gateway.stdout:
            if "http://" in line:
                break
        self.url = json.loads((self.folder / "data" / "gateway.json").read_text())["url"]

    def ask(self):
        body = json.dumps({"model": "suffice/ask", "messages": [{"role": "user", "content": "who?"}]}).encode()
        request = urllib.request.Request(self.url + "/v1/chat/completions", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]

    def report(self, *arguments):
        suite = self.folder / "suite"
        suite.mkdir(exist_ok=True)
        (suite / "suite.yaml").write_text("version: 1\ntask: ask\nprovenance: ours\nlicence: Apache-2.0\ngates: {false_accepts_on_hard_stops: off}\n")
        (suite / "cases.jsonl").write_text(json.dumps({"id": "a", "input": "who?", "expected": "next"}) + "\n")
        return self.suffice("eval", suite, "--policy", "policy.yaml", "--out", self.folder / f"run{len(arguments)}", *arguments)

    def test_a_lever_acts_on_the_next_request_and_is_kept(self):
        self.serve()
        self.assertEqual(self.ask(), "small")
        raised = self.levers("threshold", "ask", "0.95", "--json")
        self.assertEqual(json.loads(raised.stdout)["tasks"], {"ask": {"min_confidence": 0.95}})
        self.assertEqual(self.ask(), "large")
        self.levers("threshold", "ask", "off")
        self.assertEqual(self.ask(), "small")
        self.levers("frontier", "ask")
        self.assertEqual(self.ask(), "large")
        self.levers("frontier", "ask", "--off")
        self.levers("canary", "ask", "0")
        self.assertEqual(self.ask(), "large")
        self.assertIn("canary of 0 %", self.levers().stdout)

    def test_promotion_asks_for_a_report_of_the_candidate_that_met_the_gate(self):
        self.serve()
        incumbent = self.report()
        self.assertEqual(incumbent.returncode, GATE, incumbent.stderr)
        refused = self.levers("promote", "ask", "--report", self.folder / "run0")
        self.assertEqual(refused.returncode, GATE)
        self.assertIn("not of the candidate", refused.stderr)
        self.assertEqual(self.ask(), "small")

        evaluated = self.report("--candidate")
        self.assertEqual(evaluated.returncode, OK, evaluated.stdout + evaluated.stderr)
        promoted = self.levers("promote", "ask", "--report", self.folder / "run1")
        self.assertEqual(promoted.returncode, OK, promoted.stderr)
        self.assertEqual(self.ask(), "next")
        self.assertEqual(self.levers("rollback", "ask").returncode, OK)
        self.assertEqual(self.ask(), "small")
        record = self.suffice("audit", "tail", "--data", self.folder / "data", "--json").stdout
        kinds = [json.loads(line).get("kind") for line in record.splitlines() if line.startswith("{")]
        self.assertIn("promotion", kinds)
        self.assertIn("rollback", kinds)

    def test_a_folder_without_a_gateway_keeps_them_for_the_next(self):
        done = self.levers("kill-switch", "frontier_only")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("the next one starts with these levers", done.stderr)
        self.serve()
        self.assertEqual(self.ask(), "large")

    def test_rubbish_is_one_line_and_exit_2(self):
        for arguments in (["threshold", "ask", "much"], ["canary", "ask", "200"], ["promote", "ask", "--report", "nowhere"]):
            done = self.levers(*arguments)
            self.assertEqual(done.returncode, USAGE, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
