"""`suffice report`, `review` and `policy` as an operator runs them, on a record that a real gateway wrote. Needs the program (SUFFICE_BIN)."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
MODEL = ROOT / "models" / "suffice-ticket-linear" / "suffice-ticket-linear.lin"
OK, USAGE, GATE_NOT_MET = 0, 2, 3
TICKETS = [
    "my headset is broken and the monitor flickers, please send a new headset",
    "please order a new laptop and a docking station for our new colleague",
    "mailbox is full, please raise the quota of my mailbox storage",
    "printer in room 12 does not print, it is out of toner",
    "I need vacation days to be corrected in the hr system",
]

POLICY = """version: 1
models:
  small: {{provider: classifier, model: {model}, price: {{hardware_per_hour: 0.02}}}}
  stand-in: {{provider: recorded, model: {recordings}, stand_in: yes, price: {{input: 2.5, output: 10}}}}
frontier: stand-in
tasks:
  it_ticket:
    tiers: [small, stand-in]
    labels: [access, administrative_rights, hardware, hr_support, internal_project, miscellaneous, purchase, storage]
    confidence: label_probability
    min_confidence: {threshold}
"""


@unittest.skipUnless(Path(PROGRAM).is_file() and MODEL.is_file(), "no program or no model: build it, or name it in SUFFICE_BIN")
class Operate(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-operate-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = self.folder / "data"
        self.policy = self.write_policy("policy.yaml", 0.05)

    def write_policy(self, name, threshold):
        text = POLICY.format(model=MODEL, recordings=ROOT / "examples" / "recordings" / "frontier.jsonl", threshold=threshold)
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def suffice(self, *arguments, **more):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False, **more)

    def figures(self, *arguments):
        ran = self.suffice(*arguments)
        self.assertIn(ran.returncode, (OK, GATE_NOT_MET), ran.stderr)
        return json.loads(ran.stdout)

    def serve(self):
        """A gateway with ports of its own; gives its address."""
        process = subprocess.Popen(
            [PROGRAM, "serve", "--json", "--policy", self.policy, "--data", self.data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.terminate)
        ready = json.loads(process.stdout.readline())
        return process, ready["url"]

    def ask(self, url):
        for ticket in TICKETS:
            body = json.dumps({"model": "suffice/it_ticket", "messages": [{"role": "user", "content": ticket}]}).encode()
            request = urllib.request.Request(url + "/v1/chat/completions", body, {"content-type": "application/json"})
            urllib.request.urlopen(request, timeout=60).read()

    def test_a_week_in_the_life_of_an_operator(self):
        process, url = self.serve()
        self.ask(url)
        where = ["--data", self.data]

        report = self.figures("report", *where, "--json", "--policy", self.policy)
        self.assertEqual(report["total"]["requests"], len(TICKETS))
        accepted = report["total"]["local"]["k"]
        self.assertEqual(accepted, len(TICKETS), "a threshold of 0.05 keeps everything")
        queue = self.figures("review", "list", *where, "--json", "--reviewer", "ana")
        self.assertEqual(len(queue), accepted)

        # The gateway goes on writing the same record.
        for entry in queue[:-1]:
            ran = self.suffice("review", "label", entry["event"], "accept", *where, "--reviewer", "ana")
            self.assertEqual(ran.returncode, OK, ran.stderr)
        process.terminate()
        process.wait(60)

        # By keys, like a person at a terminal.
        keys = self.suffice("review", *where, "--reviewer", "ana", "--policy", self.policy, input="?eq")
        self.assertEqual(keys.returncode, OK, keys.stderr)
        self.assertIn("1 labelled by ana", keys.stdout)
        self.assertNotIn("\x1b", keys.stdout)
        self.assertEqual(self.figures("review", "list", *where, "--json", "--reviewer", "ana"), [])

        rate = self.figures("review", "status", *where, "--json")["defect_rates"][0]
        self.assertEqual((rate["drawn"], rate["defects"]), (accepted, 1))
        self.assertEqual(rate["interval"], [1 / accepted] * 2, "all were labelled, so nothing is left open")
        report = self.figures("report", *where, "--json", "--check")
        self.assertTrue(report["drift"]["alarm"], "one of five wrong is more than one of twenty")
        self.assertEqual(self.suffice("report", *where, "--check").returncode, GATE_NOT_MET)
        self.assertEqual(self.suffice("report", *where, "--check", "--max-defects", "0.5").returncode, OK)

        out = self.folder / "reviewed"
        ran = self.suffice("review", "export", "--task", "it_ticket", "--suite", out, *where)
        self.assertEqual(ran.returncode, OK, ran.stderr)
        cases = [json.loads(line) for line in (out / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(len(cases), accepted, "texts this short are whole in the record's preview")
        self.assertEqual(sum(1 for case in cases if case.get("must_escalate")), 1)

        self.assertEqual(self.suffice("audit", "verify", *where).returncode, OK, "labels are links of the chain")

    def test_a_draft_policy_is_replayed_on_the_record(self):
        process, url = self.serve()
        self.ask(url)
        process.terminate()
        process.wait(60)
        draft = self.write_policy("draft.yaml", 1)

        replayed = self.figures("policy", "replay", "--draft", draft, "--against", self.policy, "--data", self.data, "--json")
        same = self.figures("policy", "replay", "--draft", self.policy, "--against", self.policy, "--data", self.data, "--json")

        self.assertEqual(replayed["total"]["newly_frontier"]["k"], len(TICKETS))
        self.assertEqual(replayed["reasons"], {"confidence_low": len(TICKETS)})
        self.assertLess(replayed["total"]["cost"]["saved_usd"], 0)
        self.assertEqual(same["total"]["newly_frontier"]["k"], 0)
        self.assertEqual(same["total"]["local_after_bounds"], [1, 1])
        differences = self.suffice("policy", "diff", self.policy, draft).stdout
        self.assertEqual(differences, "- tasks.it_ticket.min_confidence: 0.05\n+ tasks.it_ticket.min_confidence: 1\n")

    def test_bad_input_is_exit_2_and_says_what_to_do(self):
        for arguments, said in [
            (("report",), "serve or ask first"),
            (("report", "--since", "yesterday"), "write 7d"),
            (("review", "list"), "serve or ask first"),
            (("policy", "replay", "--draft", self.folder / "none.yaml"), "none.yaml"),
        ]:
            with self.subTest(arguments):
                ran = self.suffice(*arguments, "--data", self.data)
                self.assertEqual(ran.returncode, USAGE)
                self.assertIn(said, ran.stderr)


if __name__ == "__main__":
    unittest.main()
