"""The record of a gateway that runs, in SQLite and in a PostgreSQL of the test's own: read, verified, exported, pruned; texts kept in the vault,
looked at and nowhere in clear. Needs the program: SUFFICE_BIN."""

import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
OK, USAGE = 0, 2
KEY = "00112233445566778899aabbccddeeff" * 2
PASSWORD = "pg-s3cret-canary"
POLICY = """
version: 1
models:
  small: {provider: recorded, model: said.jsonl, local: true, stand_in: true, price: {input: 0}}
  large: {provider: recorded, model: said.jsonl, stand_in: true, price: {input: 3, output: 15}}
frontier: large
tasks:
  kept: {tiers: [large], vault: {ttl: 1h}}
  plain: {tiers: [large]}
"""
CANARY = "canary-behind-the-preview"
QUESTION = "who? " + "." * 300 + CANARY
POSTGRES = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)), None)


class Gateway(unittest.TestCase):
    record = None  # a URL, or None for SQLite

    def setUp(self):
        if not Path(PROGRAM).is_file():
            self.skipTest("no program: build it, or name it in SUFFICE_BIN")
        self.folder = Path(tempfile.mkdtemp(prefix="suffice-record-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "policy.yaml").write_text(POLICY)
        said = [{"task": t, "match": {"input_contains": ["?"]}, "response": {"text": "fine " + "." * 300 + CANARY, "usage": "estimate"}} for t in ("kept", "plain")]
        (self.folder / "said.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
        self.environment = {**os.environ, "VAULT_KEY": KEY}
        self.log = self.folder / "gateway.log"

    def suffice(self, *arguments, **more):
        record = [] if self.record is None or arguments[0] != "audit" else ["--record", "env:RECORD"]
        data = ["--data", self.folder / "data"] if arguments[0] == "audit" else []
        return subprocess.run([PROGRAM, *map(str, [*arguments, *data, *record])], cwd=self.folder, capture_output=True, text=True, timeout=120,
                              env=self.environment, **more)

    def serve(self):
        record = [] if self.record is None else ["--record", "env:RECORD"]
        with self.log.open("a") as log:
            gateway = subprocess.Popen([PROGRAM, "serve", "--policy", "policy.yaml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--vault-key", "env:VAULT_KEY",
                                        "--data", str(self.folder / "data"), *record], cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment)

        def stop():
            gateway.send_signal(signal.SIGTERM)
            gateway.wait(timeout=60)
            gateway.stdout.close()

        self.addCleanup(stop)
        for line in gateway.stdout:
            if "http://" in line:
                break
        running = json.loads((self.folder / "data" / "gateway.json").read_text())
        self.url = running["url"]

    def ask(self, task):
        body = json.dumps({"model": f"suffice/{task}", "messages": [{"role": "user", "content": QUESTION}]}).encode()
        request = urllib.request.Request(self.url + "/v1/chat/completions", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def tail(self):
        return [json.loads(line) for line in self.suffice("audit", "tail", "--json").stdout.splitlines()]

    def bytes_on_disk(self):
        return [path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.name not in ("said.jsonl",)]


class Record:
    """What both stores do."""

    def test_a_request_is_recorded_verified_exported_and_pruned_while_the_gateway_runs(self):
        self.serve()
        self.assertEqual(self.ask("plain"), 200)
        verified = self.suffice("audit", "verify", "--json")
        self.assertEqual(verified.returncode, OK, verified.stderr)
        self.assertEqual(json.loads(verified.stdout)["events"], 2)  # start and request
        exported = self.suffice("audit", "export", "--output", "record.jsonl")
        self.assertEqual(exported.returncode, OK, exported.stderr)
        self.assertEqual(subprocess.run([PROGRAM, "audit", "verify", "--file", "record.jsonl"], cwd=self.folder, capture_output=True, timeout=60).returncode, OK)
        tables = self.suffice("audit", "export", "--format", "tables", "--output", "flat")
        self.assertEqual(tables.returncode, OK, tables.stderr)
        self.assertEqual(len((self.folder / "flat-events.csv").read_text().splitlines()), 3)
        pruned = self.suffice("audit", "prune", "--before", "2100-01-01", "--json")
        self.assertEqual((pruned.returncode, json.loads(pruned.stdout)["events"]), (OK, 0), "the newest day stays")
        self.assertEqual(self.ask("plain"), 200)
        self.assertEqual(json.loads(self.suffice("audit", "verify", "--json").stdout)["events"], 3)

    def test_texts_are_kept_for_the_tasks_that_ask_and_every_look_is_an_event(self):
        self.serve()
        self.assertEqual(self.ask("kept"), 200)
        self.assertEqual(self.ask("plain"), 200)
        kept, plain = [event for event in self.tail() if event["kind"] == "request"]
        looked = self.suffice("audit", "replay", kept["id"], "--vault-key", "env:VAULT_KEY", "--actor", "anna", "--json")
        self.assertEqual(looked.returncode, OK, looked.stderr)
        self.assertIn(CANARY, json.loads(looked.stdout)["input"])
        self.assertIn(CANARY, json.loads(looked.stdout)["output"])
        look = self.tail()[-1]
        self.assertEqual((look["kind"], look["refers_to"], look["actor"]), ("vault_read", kept["id"], "anna"))
        nothing = self.suffice("audit", "replay", plain["id"], "--vault-key", "env:VAULT_KEY")
        self.assertEqual(nothing.returncode, USAGE)
        self.assertIn("no texts are kept", nothing.stderr)
        self.environment["OTHER_KEY"] = KEY[::-1]
        other = self.suffice("audit", "replay", kept["id"], "--vault-key", "env:OTHER_KEY")
        self.assertEqual(other.returncode, USAGE)
        self.assertIn("another key", other.stderr)
        self.assertNotIn(CANARY, other.stdout + other.stderr)
        self.assertEqual(self.ask("plain"), 200, "the gateway goes on behind the command's event")
        self.assertEqual(self.suffice("audit", "verify").returncode, OK)
        for content in self.bytes_on_disk():
            self.assertNotIn(CANARY.encode(), content)
            self.assertNotIn(KEY.encode(), content)


class RecordInSqlite(Record, Gateway):
    def test_a_policy_that_keeps_texts_is_not_served_without_a_key(self):
        refused = self.suffice("serve", "--policy", "policy.yaml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "data")
        self.assertEqual(refused.returncode, USAGE)
        self.assertIn("--vault-key", refused.stderr)

    def test_a_password_on_the_command_line_is_refused_and_not_shown(self):
        refused = self.suffice("serve", "--policy", "policy.yaml", "--record", f"postgres://ann:{PASSWORD}@localhost/audit")
        self.assertEqual(refused.returncode, USAGE)
        self.assertIn("visible to every user", refused.stderr)
        self.assertNotIn(PASSWORD, refused.stdout + refused.stderr)


@unittest.skipUnless(POSTGRES, "PostgreSQL is not installed (tools/bootstrap test)")
class RecordInPostgres(Record, Gateway):
    def setUp(self):
        super().setUp()
        self.database = Path(tempfile.mkdtemp(prefix="suffice-pg-"))
        self.addCleanup(shutil.rmtree, self.database, ignore_errors=True)
        self.owner = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.database, nobody.pw_uid, nobody.pw_gid)
            self.owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        made = subprocess.run([POSTGRES, "-D", self.database / "data", "-U", "suffice", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
                              capture_output=True, text=True, cwd=self.database, **self.owner)
        if made.returncode != 0:
            self.skipTest("PostgreSQL does not start here: " + made.stderr)
        self.start_postgres()
        self.addCleanup(self.kill_postgres)
        self.record = f"postgres://suffice:{PASSWORD}@/postgres?host={self.database}"
        self.environment["RECORD"] = self.record

    def start_postgres(self):
        self.server = subprocess.Popen([str(Path(POSTGRES).with_name("postgres")), "-D", "data", "-k", str(self.database), "-c", "listen_addresses="],
                                       cwd=self.database, stderr=subprocess.PIPE, text=True, **self.owner)
        for line in self.server.stderr:
            if "ready to accept connections" in line:
                break

    def kill_postgres(self):
        self.server.send_signal(signal.SIGQUIT)  # the server's immediate shutdown: as a crash, and nothing of it stays
        self.server.wait(timeout=60)
        self.server.stderr.close()

    def bytes_on_disk(self):
        return super().bytes_on_disk() + [path.read_bytes() for path in self.database.rglob("*") if path.is_file() and not path.is_symlink()]

    def test_losing_the_server_refuses_requests_and_heals_by_itself(self):
        self.serve()
        self.assertEqual(self.ask("plain"), 200)
        self.kill_postgres()
        self.assertEqual(self.ask("plain"), 503, "no answer without its event")
        self.start_postgres()
        for _ in range(100):  # the recorder tries again every two seconds at most; each request waits for it
            if self.ask("plain") == 200:
                break
        else:
            self.fail("the gateway did not come back: " + self.log.read_text())
        verified = self.suffice("audit", "verify", "--json")
        self.assertEqual(verified.returncode, OK, verified.stdout)
        self.assertIn("audit_store_failed", self.log.read_text())
        for path in (self.log, self.folder / "data" / "gateway.json"):
            self.assertNotIn(PASSWORD, path.read_text())


del Gateway


if __name__ == "__main__":
    unittest.main()
