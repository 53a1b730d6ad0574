"""The example requests are complete and labelled as the policy allows, and the stand-in's recording is made from them."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "make_recordings"
MEMBERS = {"id", "task", "input", "label", "frontier", "expect", "repeat"}


def load_tool():
    loader = SourceFileLoader("make_recordings", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


tool = load_tool()


def check(root):
    return subprocess.run([sys.executable, "-B", root / "tools" / "make_recordings", "--check"], capture_output=True, text=True, timeout=60)


def recorded_lines(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line and not line.startswith("#")]


def reason_names():
    """The names of src/core/reasons.cpp: what a request may expect."""
    return set(re.findall(r'ReasonRow\{\w+, "(\w+)"', (ROOT / "src/core/reasons.cpp").read_text(encoding="utf-8")))


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.requests = list(tool.requests())
        cls.tasks = tool.tasks()

    def each(self):
        return [(request, self.subTest(where=where, id=request["id"])) for where, request in self.requests]

    def test_there_are_at_least_120(self):
        self.assertGreaterEqual(len(self.requests), 120)

    def test_members_are_known_and_of_their_type(self):
        for request, named in self.each():
            with named:
                self.assertLessEqual(set(request), MEMBERS)
                for name in set(request) - {"repeat"}:
                    self.assertIsInstance(request[name], str)
                    self.assertTrue(request[name].strip())
                self.assertIsInstance(request.get("repeat", 1), int)
                self.assertGreaterEqual(request.get("repeat", 1), 1)

    def test_ids_and_texts_are_unique(self):
        ids = [request["id"] for _, request in self.requests]
        texts = [(request["task"], tool.text_of(request)) for _, request in self.requests]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(len(texts), len(set(texts)))

    def test_the_policy_has_every_task_except_those_expected_unknown(self):
        for request, named in self.each():
            with named:
                self.assertEqual(request["task"] not in self.tasks, request.get("expect") == "unknown_task")

    def test_expected_reasons_are_reasons_of_the_gateway(self):
        names = reason_names()
        self.assertIn("hard_stop_access", names)
        for request, named in self.each():
            with named:
                self.assertIn(request.get("expect", "hard_stop_access"), names)

    def test_labels_and_recorded_answers_are_labels_of_the_task(self):
        labelled = 0
        for request, named in self.each():
            with named:
                allowed = self.tasks.get(request["task"], {}).get("labels", [])
                if allowed:
                    labelled += 1
                    self.assertIn(request["label"], allowed)
                    self.assertEqual(request["frontier"], request["label"])
                else:
                    self.assertNotIn("label", request)
        self.assertGreaterEqual(labelled, 100)

    def test_texts_are_too_long_only_where_that_is_expected(self):
        policy = (ROOT / "examples/policy.yaml").read_text(encoding="utf-8")
        limit = int(re.search(r"^  classify_issue:\n(?:    .*\n)*?    max_input_chars: (\d+)", policy, re.M).group(1))
        for request, named in self.each():
            with named:
                if request["task"] == "classify_issue":
                    self.assertEqual(len(tool.text_of(request)) > limit, request.get("expect") == "input_too_large")

    def test_every_ticket_class_occurs(self):
        used = {request["label"] for _, request in self.requests if request["task"] == "it_ticket"}
        self.assertEqual(used, set(self.tasks["it_ticket"]["labels"]))

    def test_recorded_fields_and_files_are_json_that_cites_its_input(self):
        for request, named in self.each():
            with named:
                if request["task"] not in ("extract_fields", "choose_files"):
                    continue
                answer = json.loads(request["frontier"])
                if request["task"] == "choose_files":
                    self.assertEqual(list(answer), ["files"])
                    self.assertTrue(answer["files"])
                else:
                    self.assertEqual(list(answer), ["service", "error", "severity", "files"])
                    self.assertIn(answer["severity"], ("low", "medium", "high", "unknown"))
                    for name in ("service", "error"):
                        self.assertTrue(answer[name] == "unknown" or answer[name] in request["input"])
                for path in answer["files"]:
                    self.assertIn(path, request["input"])


class Recording(unittest.TestCase):
    def copy(self):
        """The examples and the tool in a folder of their own."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        shutil.copytree(ROOT / "examples", root / "examples")
        (root / "tools").mkdir()
        shutil.copy(TOOL, root / "tools")
        return root

    def assert_out_of_date(self, root):
        run = check(root)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertEqual(run.stderr, "examples/recordings/frontier.jsonl is out of date: run tools/make_recordings\n")

    def test_is_up_to_date(self):
        run = check(ROOT)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_is_out_of_date_after_a_request_changed(self):
        root = self.copy()
        file = root / "examples/requests/chat.jsonl"
        file.write_text(file.read_text(encoding="utf-8").replace('"input": "', '"input": "Please: ', 1), encoding="utf-8")
        self.assert_out_of_date(root)

    def test_is_out_of_date_when_missing(self):
        root = self.copy()
        (root / "examples/recordings/frontier.jsonl").unlink()
        self.assert_out_of_date(root)

    def test_a_request_without_an_answer_is_named(self):
        root = self.copy()
        (root / "examples/requests/chat.jsonl").write_text('\n{"id": "x", "task": "chat", "input": "y"}\n', encoding="utf-8")
        run = check(root)
        self.assertEqual(run.returncode, 1)
        self.assertIn("examples/requests/chat.jsonl:1: not JSON", run.stderr)
        (root / "examples/requests/chat.jsonl").write_text('{"id": "x", "task": "chat", "input": "y"}\n', encoding="utf-8")
        self.assertIn("examples/requests/chat.jsonl:1: no frontier", check(root).stderr)

    def test_answers_the_text_as_the_caller_sent_it(self):
        lines = recorded_lines(ROOT / "examples/recordings/frontier.jsonl")
        answers = {(line.get("task"), digest): answer["text"] for line in lines for digest, answer in line.get("responses_by_input", {}).items()}
        text = "how much money do i have in my savings right now"
        self.assertEqual(answers["intent", hashlib.sha256(text.encode()).hexdigest()], "balance")

    def test_says_that_it_is_a_stand_in_where_it_has_no_answer(self):
        last = recorded_lines(ROOT / "examples/recordings/frontier.jsonl")[-1]
        self.assertIn("recorded stand-in, not a model", last["default"]["text"])
        self.assertEqual(last["default"]["usage"], "estimate")


if __name__ == "__main__":
    unittest.main()
