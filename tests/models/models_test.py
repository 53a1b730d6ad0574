"""`suffice models` as a person uses it: the real program, a real folder, and a small hub on this machine that can cut its answers."""

import hashlib
import http.server
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SUFFICE_BIN", ROOT / "build/release/suffice"))
SHIPPED = ROOT / "models/suffice-mini/suffice-mini-q4_0.gguf"


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(name, payload=0):
    """A right GGUF: two metadata entries, and one tensor of `payload` bytes where that is not 0."""
    entries = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    entries += text("general.name") + struct.pack("<I", 8) + text(name)
    tensors = b""
    if payload:
        tensors = text("t") + struct.pack("<IQIQ", 1, payload, 24, 0)  # I8
    head = b"GGUF" + struct.pack("<IQQ", 3, 1 if payload else 0, 2) + entries + tensors
    if payload:
        head += b"\0" * (-len(head) % 32) + os.urandom(payload)
    return head


class Hub(http.server.BaseHTTPRequestHandler):
    """REPO/resolve/REVISION/FILE sends on to /blob, which knows ranges. `cut_after` bytes of the next body are sent, then the line is cut
    or, with `stall`, held."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        hub = self.server
        hub.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.path == "/o/r/resolve/main/tiny.gguf":
            self.answer(302, b"", {"Location": "/blob", "X-Linked-ETag": f'"{hub.claimed or hashlib.sha256(hub.body).hexdigest()}"'})
        elif self.path == "/blob":
            self.blob(hub)
        else:
            self.answer(404, b"no")

    def blob(self, hub):
        begin = 0
        status = 200
        headers = {"ETag": '"v1"'}
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range") == '"v1"':
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{len(hub.body) - 1}/{len(hub.body)}"
        cut, hub.cut_after = hub.cut_after, None
        self.answer(status, hub.body[begin:], headers, cut)

    def answer(self, status, body, headers=None, cut=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if cut is not None:
            self.close_connection = True
            self.server.cut.set()
            if self.server.stall:
                self.server.released.wait()


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), f"no program at {PROGRAM}")
class ModelsTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-models-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "SUFFICE_MODEL_STORE": str(self.folder / "store")}

    def run_program(self, *arguments, code=0):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=self.environment, cwd=self.folder)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def models(self, *arguments, code=0):
        return self.run_program("models", *arguments, code=code)

    def json(self, *arguments):
        return json.loads(self.models(*arguments, "--json").stdout)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def policy(self, *lines):
        path = self.folder / "policy.yaml"
        path.write_text("version: 1\nmodels:\n  # a comment that stays\n" + "".join(f"  {line}\n" for line in lines)
                        + "tasks:\n  t: {tiers: [mini]}\n")
        return path

    def start_hub(self, body, **settings):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        server.daemon_threads = True
        server.body = body
        server.seen = []
        server.cut_after = settings.get("cut_after")
        server.claimed = settings.get("claimed")
        server.stall = settings.get("stall", False)
        server.cut = threading.Event()
        server.released = threading.Event()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.released.set)
        self.environment["SUFFICE_HUB"] = f"http://127.0.0.1:{server.server_address[1]}"
        return server

    # ---- the store ----

    def test_a_file_is_added_shown_listed_verified_and_removed(self):
        path = self.file("My Model.gguf", gguf("mine"))
        added = self.json("add", path)
        self.assertEqual(added["name"], "my-model")
        self.assertEqual(added["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertEqual([m["name"] for m in self.json("list")], ["my-model"])
        shown = self.json("show", "my-model")
        self.assertEqual((shown["name"], shown["architecture"], shown["chat_template"]), ("mine", "llama", False))
        self.assertEqual(self.json("verify"), [{"name": "my-model", "ok": True, "problem": ""}])
        self.models("remove", "my-model")
        self.assertEqual(self.json("list"), [])

    def test_words_for_people_say_what_to_do_next(self):
        self.assertIn("suffice models add", self.models("list").stdout)
        self.assertIn("store:tiny", self.models("add", self.file("tiny.gguf", gguf("t"))).stdout)
        self.assertIn("--name", self.models("add", self.file("tiny.gguf", gguf("other")), code=2).stderr)
        self.assertIn("licence          the file does not say", self.models("show", "tiny").stdout)
        self.assertIn("tiny", self.models("show", "none", code=2).stderr)

    def test_a_changed_file_is_found_and_named(self):
        added = self.json("add", self.file("tiny.gguf", gguf("t")))
        blob = Path(added["path"])
        blob.chmod(0o600)
        blob.write_bytes(gguf("x"))
        self.assertIn("damaged tiny", self.models("verify", code=2).stdout)

    def test_what_a_file_says_cannot_steer_the_terminal(self):
        shown = self.models("show", self.file("bad.gguf", gguf("\x1b[31mred\r\n")))
        self.assertNotIn("\x1b", shown.stdout)

    def test_a_model_that_the_policy_uses_is_kept(self):
        self.models("add", self.file("tiny.gguf", gguf("t")))
        policy = self.policy("mini: {provider: embedded, model: 'store:tiny'}")
        self.assertIn("uses it as mini", self.models("remove", "tiny", "--policy", policy, code=2).stderr)
        self.models("remove", "tiny", "--policy", policy, "--force")

    # ---- what may be loaded ----

    def test_a_file_is_refused_until_it_is_pinned(self):
        self.file("m.gguf", gguf("m"))
        policy = self.policy("mini:", "  provider: embedded", "  model: m.gguf  # why", "  threads: 1")
        self.assertIn("suffice models pin", self.run_program("check", policy, code=2).stdout)
        self.models("pin", "--check", "--policy", policy, code=2)
        before = policy.read_text()
        self.models("pin", "--policy", policy)
        digest = hashlib.sha256((self.folder / "m.gguf").read_bytes()).hexdigest()
        self.assertEqual(policy.read_text(), before.replace("# why\n", f"# why\n    sha256: {digest}\n"))
        self.models("pin", "--check", "--policy", policy)
        self.run_program("check", policy)
        self.file("m.gguf", gguf("swapped"))
        self.assertIn("not the pinned one", self.run_program("check", policy, code=2).stdout)
        self.models("pin", "--policy", policy)
        self.run_program("check", policy)

    def test_the_shipped_policy_pins_the_models_that_ship(self):
        """When it fails after a model was rebuilt: suffice models pin --policy examples/policy.yaml"""
        for policy in ("examples/policy.yaml", "tests/contract/policy.yaml"):
            self.models("pin", "--check", "--policy", ROOT / policy)

    def test_a_stored_file_needs_no_pin(self):
        self.models("add", self.file("m.gguf", gguf("m")))
        self.run_program("check", self.policy("mini: {provider: embedded, model: 'store:m'}"))
        self.run_program("check", self.policy("mini: {provider: embedded, model: m.gguf}"))

    def test_a_damaged_file_is_a_problem_of_the_check(self):
        for name, data in {"cut": gguf("m", 5000)[:300], "empty": b"", "text": b"hello" * 100}.items():
            self.file("m.gguf", data)
            self.run_program("check", self.policy("mini: {provider: embedded, model: m.gguf, trust: yes}"), code=2)
        os.remove(self.folder / "m.gguf")
        os.mkfifo(self.folder / "m.gguf")
        self.assertIn("FIFO", self.run_program("check", self.policy("mini: {provider: embedded, model: m.gguf}"), code=2).stdout)

    def test_without_a_subcommand_the_policys_models_are_listed(self):
        shutil.copy(SHIPPED, self.folder / "m.gguf")
        rows = json.loads(self.models("--json", "--policy", self.policy("mini: {provider: embedded, model: m.gguf, trust: yes}")).stdout)
        self.assertEqual([(r["name"], r["provider"], r["usable"], r["tasks"]) for r in rows], [("mini", "embedded", True, ["t"])])

    # ---- pull ----

    def pull(self, *arguments, code=0):
        return self.models("pull", "o/r", "tiny.gguf", *arguments, code=code)

    def test_a_cut_pull_goes_on_where_it_was(self):
        body = gguf("t", 300_000)
        hub = self.start_hub(body, cut_after=100_000)
        self.assertIn("run the same command", self.pull(code=2).stderr)
        done = json.loads(self.pull("--json").stdout)
        self.assertEqual(done["sha256"], hashlib.sha256(body).hexdigest())
        self.assertEqual(Path(done["path"]).read_bytes(), body)
        self.assertEqual(hub.seen[-1][1]["range"], "bytes=100000-")
        self.models("verify")

    def test_ctrl_c_leaves_a_part_that_is_used(self):
        body = gguf("t", 300_000)
        hub = self.start_hub(body, cut_after=100_000, stall=True)
        process = subprocess.Popen([PROGRAM, "models", "pull", "o/r", "tiny.gguf"], stderr=subprocess.PIPE, text=True,
                                   env=self.environment, cwd=self.folder)
        hub.cut.wait(60)
        partial = self.folder / "store/partial"
        while not any(p.suffix == ".part" and p.stat().st_size == 100_000 for p in partial.iterdir()):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 2)
        process.stderr.close()
        hub.stall = False
        self.pull()
        self.assertEqual(hub.seen[-1][1]["range"], "bytes=100000-")

    def test_a_lie_about_the_content_is_not_kept(self):
        self.start_hub(gguf("t", 1000), claimed="0" * 64)
        self.assertIn("must be " + "0" * 64, self.pull(code=2).stderr)
        self.assertEqual(self.json("list"), [])
        self.assertEqual(list((self.folder / "store/partial").iterdir()), [])

    def test_refusals_say_what_to_do(self):
        self.start_hub(b"")
        self.assertIn("check the repository", self.models("pull", "o/r", "other.gguf", code=2).stderr)
        self.assertIn("OWNER/NAME", self.models("pull", "name", "f.gguf", code=2).stderr)

    def test_a_token_goes_to_its_own_hub_only(self):
        hub = self.start_hub(gguf("t", 1000))
        self.environment["HF_TOKEN"] = "hf_not_for_this_hub"
        self.pull()
        self.assertNotIn("authorization", hub.seen[0][1])
        self.environment["SUFFICE_HUB_TOKEN"] = "for_this_hub"
        self.pull()
        self.assertEqual([headers.get("authorization") for _, headers in hub.seen[2:3]], ["Bearer for_this_hub"])


if __name__ == "__main__":
    unittest.main()
