"""`suffice run` as a user runs it: the shipped workflows with the shipped models, exit codes, a kill and a resume. Needs the program: SUFFICE_BIN."""

import http.server
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
WORKFLOWS = ROOT / "examples" / "workflows"
OK, USAGE, NOT_ANSWERED = 0, 2, 3
HEADSET = "headset no sound on left side only when plugged into laptop works on phone can i get a spare one"


class CountingModel:
    """An OpenAI-compatible model that counts what it is asked and can be told to hold its answers back."""

    def __init__(self):
        self.asked = []
        self.hold = threading.Event()
        self.hold.set()
        self.waiting = threading.Event()
        self.hold_from = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body["messages"][-1]["content"])
                if outer.hold_from is not None and len(outer.asked) >= outer.hold_from:
                    outer.waiting.set()
                    outer.hold.wait(60)
                answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
                          "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"answer {len(outer.asked)}"}}]}
                data = json.dumps(answer).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # the program was killed on purpose

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


CHAIN = """version: 1
models: {m: counted}
budget: {usd: 1, calls: 10, time: 2m}
executors:
  one: {model: m, text: "one: {{input/query}}"}
  two: {model: m, text: "two: {{/answer}}"}
  three: {model: m, text: "three: {{/answer}}"}
edges:
  - {from: one, to: two}
  - {from: two, to: three}
"""


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Run(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-run-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_workflow(self, *arguments, stdin=None):
        command = [PROGRAM, "run", *map(str, arguments), "--data", str(self.folder / "data")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, input=stdin)

    def answer(self, *arguments):
        ran = self.run_workflow(*arguments, "--json")
        self.assertEqual(ran.returncode, OK, ran.stderr)
        return json.loads(ran.stdout)

    def counted(self):
        """A policy whose one model counts, and a chain of three calls of it."""
        model = CountingModel()
        self.addCleanup(model.close)
        policy = self.folder / "policy.yaml"
        policy.write_text(
            "version: 1\nmodels:\n  counted: {provider: openai, model: m, endpoint: \"" + model.url + "\", price: {input: 1, output: 1}}\n"
            "frontier: counted\ntasks:\n  t: {tiers: [counted]}\nworkflows: {chain: chain.yaml}\n",
            encoding="utf-8")
        (self.folder / "chain.yaml").write_text(CHAIN, encoding="utf-8")
        return model, policy

    def test_a_sure_small_model_answers_alone(self):
        answer = self.answer(WORKFLOWS / "ticket_desk.yaml", "--query", HEADSET)
        self.assertIn("hardware", answer["answer"]["answer"])
        self.assertEqual([use["model"] for use in answer["used"]], ["suffice-ticket-linear"])
        self.assertEqual(answer["steps"], 2)

    def test_an_unsure_small_model_asks_the_frontier(self):
        answer = self.answer(WORKFLOWS / "ticket_desk.yaml", "--query", "hello")
        self.assertEqual([use["calls"] for use in answer["used"]], [1, 1])
        self.assertTrue(answer["used"][1]["stand_in"])

    def test_the_cascade_answers_by_its_name_and_says_what_was_passed_over(self):
        sure = self.answer("cascade", "--query", HEADSET)
        self.assertEqual((sure["answer"]["answer"], sure["answer"]["rung"]), ("hardware", 1))
        ran = self.run_workflow("cascade", "--query", "hello", "--json")
        self.assertEqual(ran.returncode, NOT_ANSWERED, ran.stderr)  # the stand-in's answer is no desk, and is not served
        self.assertEqual(json.loads(ran.stdout)["outcome"], "output_rejected")

    def test_a_workflow_within_a_workflow_answers(self):
        answer = self.answer(WORKFLOWS / "desk_reply.yaml", "--query", HEADSET)
        self.assertIn("hardware", answer["answer"]["answer"])

    def test_branches_are_joined(self):
        log = self.folder / "build.log"
        log.write_text("[ERROR] Failed to execute goal: Compilation failure\n[ERROR] cannot find symbol\n", encoding="utf-8")
        answer = self.answer(WORKFLOWS / "log_facts.yaml", "--input", log)
        self.assertTrue(answer["answer"]["answer"].endswith(", 2 lines"), answer)

    def test_a_loop_gives_up_within_its_budget(self):
        answer = self.answer(WORKFLOWS / "checked_json.yaml", "--query", "Ada Lovelace, born 1815")
        self.assertIn("no usable answer", answer["answer"]["answer"])
        self.assertEqual(answer["used"][0]["calls"], 4)

    def test_every_shipped_workflow_draws_itself(self):
        for file in sorted(WORKFLOWS.glob("*.yaml")):
            with self.subTest(file.name):
                ran = self.run_workflow(file, "--mermaid")
                self.assertEqual(ran.returncode, OK, ran.stderr)
                self.assertTrue(ran.stdout.startswith("flowchart TD\n"))

    def test_watching_elsewhere_than_on_a_terminal_says_a_line_an_event(self):
        ran = self.run_workflow(WORKFLOWS / "ticket_desk.yaml", "--query", HEADSET, "--watch")
        self.assertEqual(ran.returncode, OK, ran.stderr)
        self.assertIn("executor_started classify", ran.stderr)
        self.assertIn("edge_taken classify -> answer: sure", ran.stderr)
        self.assertNotIn("\x1b", ran.stderr)

    def test_watching_on_a_terminal_redraws_the_graph_in_place(self):
        main, terminal = pty.openpty()
        command = [PROGRAM, "run", str(WORKFLOWS / "ticket_desk.yaml"), "--query", HEADSET, "--watch", "--data", str(self.folder / "data")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        seen = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            seen += part
        os.close(main)
        self.assertEqual(process.wait(timeout=60), OK)
        text = seen.decode()
        self.assertIn("\x1b[2K", text)
        self.assertRegex(text, r"\+ classify +1 done")
        self.assertRegex(text, r"steps 2  calls 1  tokens")

    def test_bad_input_is_said_before_anything_runs(self):
        broken = self.folder / "broken.yaml"
        broken.write_text("version: 1\nexecutors:\n  a: {function: get}\nedges: [{from: a, to: a}]\n", encoding="utf-8")
        empty = self.folder / "empty.txt"
        empty.write_text(" \n", encoding="utf-8")
        binary = self.folder / "binary.txt"
        binary.write_bytes(b"\xff\xfe")
        for arguments, words in [
            ((broken, "--query", "q"), "broken.yaml:3:3"),
            ((WORKFLOWS / "ticket_desk.yaml",), "nothing to ask"),
            ((WORKFLOWS / "ticket_desk.yaml", "--input", empty), "no text"),
            ((WORKFLOWS / "ticket_desk.yaml", "--input", binary), "not UTF-8"),
            ((WORKFLOWS / "ticket_desk.yaml", "--input", self.folder / "nowhere"), "cannot read"),
            (("no_such_workflow", "--query", "q"), "no workflow"),
            (("--resume", "no-such-run"), "no such run"),
            (("--query", "q"), "name a workflow"),
        ]:
            with self.subTest(words):
                ran = self.run_workflow(*arguments)
                self.assertEqual(ran.returncode, USAGE, ran.stderr)
                self.assertIn(words, ran.stderr)
                self.assertEqual(ran.stdout, "")

    def test_a_run_that_was_killed_is_resumed_and_nothing_is_asked_twice(self):
        model, policy = self.counted()
        model.hold_from = 3  # the third question is asked, its answer never comes
        command = [PROGRAM, "run", "chain", "--query", "q", "--policy", str(policy), "--data", str(self.folder / "data")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(model.waiting.wait(60))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        self.assertEqual([text.split(":")[0] for text in model.asked], ["one", "two", "three"])
        model.hold_from = None
        model.hold.set()
        runs = json.loads(self.run_workflow("--list", "--json").stdout)
        self.assertEqual([(run["state"], run["steps"]) for run in runs], [("cut off", 2)])

        resumed = self.answer("--resume", runs[0]["run_id"])

        self.assertEqual([text.split(":")[0] for text in model.asked], ["one", "two", "three", "three"])
        self.assertEqual(resumed["replayed"], 2)
        self.assertEqual(resumed["answer"]["answer"], "answer 4")
        self.assertEqual(resumed["used"][0]["calls"], 3)
        again = self.answer("--resume", runs[0]["run_id"])
        self.assertEqual(len(model.asked), 4)
        self.assertEqual(again["answer"], resumed["answer"])
        self.assertEqual(json.loads(self.run_workflow("--list", "--json").stdout)[0]["state"], "answered")
        self.assertIn("step 3", self.run_workflow("--show", runs[0]["run_id"]).stdout)

    def test_control_c_cancels_and_says_how_to_go_on(self):
        model, policy = self.counted()
        model.hold_from = 2
        command = [PROGRAM, "run", "chain", "--query", "q", "--policy", str(policy), "--data", str(self.folder / "data")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertTrue(model.waiting.wait(60))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, NOT_ANSWERED, err)
        self.assertIn("suffice run --resume", err)
        self.assertEqual(out, "")

    def test_a_budget_that_is_used_up_ends_the_run(self):
        model, policy = self.counted()
        text = (self.folder / "chain.yaml").read_text(encoding="utf-8").replace("calls: 10", "calls: 2")
        (self.folder / "chain.yaml").write_text(text, encoding="utf-8")
        ran = self.run_workflow("chain", "--query", "q", "--policy", policy, "--json")
        self.assertEqual(ran.returncode, NOT_ANSWERED, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)["outcome"], "budget_exhausted")
        self.assertEqual(len(model.asked), 2)

    def test_a_run_leaves_one_event_in_the_record(self):
        _, policy = self.counted()
        answer = self.answer("chain", "--query", "q", "--policy", policy)
        shown = subprocess.run([PROGRAM, "audit", "show", answer["event_id"], "--json", "--data", str(self.folder / "data")], cwd=ROOT, capture_output=True, text=True, timeout=60)
        self.assertEqual(shown.returncode, OK, shown.stderr)
        self.assertIn(answer["run_id"], shown.stdout)
        self.assertIn('"chain"', shown.stdout)


if __name__ == "__main__":
    unittest.main()
