// What the running program does for an operator: levers, reload, the record, bad input, death.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { Gateway, binary, shippedPolicy, user } from "./gateway.mjs";
import { shapes } from "./shapes.mjs";

const chat = (content, model = "suffice/chat") => ({ model, messages: [user(content)] });
const france = chat("What is the capital of France?");

let gateway;
before(async () => {
  gateway = await Gateway.start();
  await gateway.modelsReady();
});
after(() => gateway.stop());

const setFlags = (target, flags) => fetch(`${target.admin_url}/suffice/v1/flags`,
  { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(flags) });

test("kill switch: acts on the next request and outlives a restart", async () => {
  const data = mkdtempSync(join(tmpdir(), "suffice-kill-"));
  let one = await Gateway.start({ data });
  const thrown = await setFlags(one, { kill_switch: "frontier_only" });
  assert.deepEqual(await thrown.json(), { kill_switch: "frontier_only", frontier_only_tasks: [], tasks: {} });
  const answer = await one.post("/v1/chat/completions", chat("COMPILATION ERROR cannot find symbol", "suffice/classify_issue"));
  assert.equal(answer.headers.get("x-suffice-reason"), "kill_switch");
  await one.stop();

  one = await Gateway.start({ data });
  const again = await one.post("/v1/chat/completions", chat("COMPILATION ERROR cannot find symbol", "suffice/classify_issue"));
  assert.equal(again.headers.get("x-suffice-reason"), "kill_switch");
  assert.match(one.audit("tail", "--json").out, /kill_switch=frontier_only/);
  await one.stop();
  rmSync(data, { recursive: true });
});

test("kill switch: the flag of serve starts frontier-only", async () => {
  const one = await Gateway.start({ args: ["--kill-switch"] });
  const answer = await one.post("/v1/chat/completions", chat("cannot find symbol", "suffice/classify_issue"));
  assert.equal(answer.headers.get("x-suffice-reason"), "kill_switch");
  await one.stop();
});

test("kill switch: one task can be kept on the frontier, and local_only refuses the frontier", async () => {
  await setFlags(gateway, { frontier_only_tasks: ["classify_issue"] });
  const forced = await gateway.post("/v1/chat/completions", chat("cannot find symbol", "suffice/classify_issue"));
  assert.equal(forced.headers.get("x-suffice-reason"), "kill_switch");
  await setFlags(gateway, { kill_switch: "local_only", frontier_only_tasks: [] });
  const refused = await gateway.post("/v1/chat/completions", france);
  assert.equal(refused.status, 503);
  assert.equal((await refused.json()).error.code, "no_frontier");
  await setFlags(gateway, { kill_switch: "off" });
});

test("flags: rubbish is refused and changes nothing", async () => {
  const answer = await setFlags(gateway, { kill_switch: "sideways" });
  assert.equal(answer.status, 400);
  const unknown = await setFlags(gateway, { kil_switch: "off" });
  assert.equal(unknown.status, 400);
  const state = await (await fetch(`${gateway.admin_url}/suffice/v1/flags`)).json();
  assert.equal(state.kill_switch, "off");
});

test("reload: a bad file keeps the old policy, a good one takes effect, by file change and by SIGHUP", async () => {
  const folder = mkdtempSync(join(tmpdir(), "suffice-reload-"));
  const source = dirname(shippedPolicy);
  cpSync(join(source, "prompts"), join(folder, "prompts"), { recursive: true });
  cpSync(join(source, "recordings.jsonl"), join(folder, "recordings.jsonl"));
  const policy = join(folder, "policy.yaml");
  const text = readFileSync(shippedPolicy, "utf8").replace("../../models", join(source, "../../models"));
  const put = (next) => { writeFileSync(policy + ".new", next); renameSync(policy + ".new", policy); };
  put(text);
  const one = await Gateway.start({ policy });
  const version = async () => (await (await fetch(`${one.admin_url}/suffice/v1/policy`)).json()).version;
  const first = await version();

  put(text.replace("local: false", "locale: false"));
  const refused = await fetch(`${one.admin_url}/suffice/v1/policy/reload`, { method: "POST" });
  assert.equal(refused.status, 422);
  assert.match((await refused.json()).error.message, /locale/);
  assert.equal(await version(), first);

  put(text.replace("free chat", "free talk"));
  const deadline = Date.now() + 10_000;
  while (await version() === first && Date.now() < deadline) await new Promise((done) => setImmediate(done));
  const second = await version();
  assert.notEqual(second, first, "the changed file was picked up");

  put(text.replace("free chat", "free speech"));
  one.child.kill("SIGHUP");
  while (await version() === second && Date.now() < deadline) await new Promise((done) => setImmediate(done));
  assert.notEqual(await version(), second);
  assert.match(one.audit("tail", "--json").out, /policy_reload_failed/);
  await one.stop();
  rmSync(folder, { recursive: true });
});

const badBodies = [
  ["not JSON", "{\"model\": ", 400, "malformed_json"],
  ["not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, "malformed_json"],
  ["nested beyond the limit", "[".repeat(100_000), 400, null],
  ["no messages", "{\"model\":\"suffice/chat\"}", 400, "malformed_request"],
  ["messages of the wrong shape", "{\"model\":\"suffice/chat\",\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", 400, "malformed_request"],
  ["over the size limit", "{\"model\":\"" + "x".repeat(17 * 1024 * 1024) + "\"}", 413, "payload_too_large"],
];
for (const [name, body, status, code] of badBodies) {
  test(`bad input: a body that is ${name} gets one clear error`, async () => {
    const answer = await gateway.post("/v1/chat/completions", body).catch((error) => error);
    if (answer instanceof Error) {
      // The server may close before a client has sent all of an oversized body; fetch then reports the reset.
      assert.equal(status, 413, String(answer.cause ?? answer));
      return;
    }
    assert.ok(answer.status === status || (status === 400 && answer.status === 413), `status ${answer.status}`);
    const { error } = await answer.json();
    assert.ok(error.message.length > 0);
    if (code) assert.equal(error.code, code);
  });
}

test("bad input: the error names the field and never quotes the caller's text", async () => {
  const answer = await gateway.post("/v1/chat/completions",
    { model: "suffice/chat", messages: [{ role: "canary-secret-word", content: "canary-secret-word" }] });
  const body = await answer.text();
  assert.match(body, /messages\[0\]\.role/);
  assert.doesNotMatch(body, /canary-secret-word/);
});

test("start: a taken port, a missing model, a file that is not a GGUF and a bad policy each say what to do and exit with 2", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => holder.once("listening", done));
  const folder = mkdtempSync(join(tmpdir(), "suffice-start-"));
  const source = dirname(shippedPolicy);
  cpSync(source, join(folder, "p"), { recursive: true, filter: (path) => !path.includes("node_modules") });
  const policyWith = (name, model) => {
    const file = join(folder, "p", name);
    writeFileSync(file, readFileSync(shippedPolicy, "utf8").replace("../../models/suffice-mini/suffice-mini-q4_0.gguf", model));
    return file;
  };
  writeFileSync(join(folder, "p", "text.gguf"), "this is not a model");
  writeFileSync(join(folder, "bad.yaml"), "version: 1\ntaks: {}\n");
  const serve = (...args) => spawnSync(binary, ["serve", "--data", join(folder, "d"), "--admin", "127.0.0.1:0", ...args], { encoding: "utf8", timeout: 30_000 });
  const cases = [
    [["--policy", shippedPolicy, "--listen", `127.0.0.1:${holder.address().port}`], /taken|in use/],
    [["--policy", policyWith("missing.yaml", "nowhere.gguf"), "--listen", "127.0.0.1:0"], /nowhere\.gguf/],
    [["--policy", policyWith("text.yaml", "text.gguf"), "--listen", "127.0.0.1:0"], /text\.gguf/],
    [["--policy", join(folder, "bad.yaml"), "--listen", "127.0.0.1:0"], /bad\.yaml:2:1.*taks/],
    [["--policy", shippedPolicy, "--listen", "0.0.0.0:0"], /--listen/],
  ];
  for (const [args, expected] of cases) {
    const run = serve(...args);
    assert.equal(run.status, 2, `${args.join(" ")}: ${run.stderr}`);
    assert.match(run.stderr, expected);
  }
  holder.close();
  rmSync(folder, { recursive: true });
});

test("host: a page that rebinds its name to loopback is refused", async () => {
  const { request } = await import("node:http");
  const { hostname, port } = new URL(gateway.url);
  const status = await new Promise((done, broken) => {
    request({ hostname, port, path: "/v1/models", headers: { host: "evil.example" } }, (answer) => { answer.resume(); done(answer.statusCode); }).on("error", broken).end();
  });
  assert.equal(status, 403);
});

test("record: every answer's event can be shown, the chain verifies, texts are hashed and previews redacted", async () => {
  const answer = await gateway.post("/v1/chat/completions", chat("What is the capital of France? my key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD and mail jane@example.com"));
  const id = answer.headers.get("x-suffice-event-id");
  const shown = gateway.audit("show", id, "--json");
  assert.equal(shown.code, 0, shown.err);
  assert.doesNotMatch(shown.out, /sk-proj-abc|jane@example\.com/);
  assert.match(shown.out, /sha256/);
  const verified = gateway.audit("verify");
  assert.equal(verified.code, 0, verified.err + verified.out);
});

test("record: an export verifies alone, and a changed byte is found with its place", async () => {
  await gateway.post("/v1/chat/completions", france);
  const exported = join(gateway.data, "export.jsonl");
  assert.equal(gateway.audit("export", "--output", exported).code, 0);
  const verify = (file) => spawnSync(binary, ["audit", "verify", "--file", file], { encoding: "utf8" });
  assert.equal(verify(exported).status, 0);
  const lines = readFileSync(exported, "utf8").split("\n");
  lines[1] = lines[1].replace(/"outcome":"(\w+)"/, '"outcome":"forged"');
  writeFileSync(exported, lines.join("\n"));
  const forged = verify(exported);
  assert.equal(forged.status, 2);
  assert.match(forged.stdout + forged.stderr, /2/);
});

test("record: kill -9 in the middle of load loses nothing acknowledged", async () => {
  const data = mkdtempSync(join(tmpdir(), "suffice-crash-"));
  const one = await Gateway.start({ data });
  const acknowledged = [];
  let stop = false;
  const worker = async () => {
    while (!stop) {
      try {
        const answer = await one.post("/v1/chat/completions", france);
        await answer.arrayBuffer();
        acknowledged.push(answer.headers.get("x-suffice-event-id"));
      } catch {
        return; // killed in the middle
      }
      if (acknowledged.length === 400) { stop = true; await one.kill("SIGKILL"); }
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));

  const verified = one.audit("verify");
  assert.equal(verified.code, 0, verified.err + verified.out);
  const exported = one.audit("export").out;
  for (const id of acknowledged) assert.ok(exported.includes(id), `event ${id} is lost`);
  assert.ok(acknowledged.length >= 400);
  rmSync(data, { recursive: true });
});

test("stop: SIGTERM drains and exits with 0", async () => {
  const one = await Gateway.start();
  await (await one.post("/v1/chat/completions", france)).json();
  assert.equal(await one.kill("SIGTERM"), 0);
  assert.match(one.audit("tail", "--json").out, /"kind":"stop"/);
  await one.stop();
});

test("metrics: requests are counted by task, route and reason", async () => {
  await gateway.post("/v1/chat/completions", france);
  const text = await (await fetch(`${gateway.admin_url}/metrics`)).text();
  assert.match(text, /suffice_requests_total\{[^}]*task="chat"[^}]*\} \d+/);
  assert.match(text, /suffice_overhead_seconds_bucket/);
});

/** Announces a body that no listener takes, and gives what is said to that. */
async function announceTooMuch(path) {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n`);
  let answer = "";
  for await (const piece of socket) answer += piece;
  const [head, body] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), body: JSON.parse(body) };
}

test("too large: refused in the words of the path's vendor, before any surface has read the request", async () => {
  const openai = await announceTooMuch("/v1/chat/completions");
  const anthropic = await announceTooMuch("/v1/messages");
  const ollama = await announceTooMuch("/api/chat");

  assert.deepEqual([openai.status, anthropic.status, ollama.status], [413, 413, 413]);
  assert.equal(openai.body.error.code, "payload_too_large");
  shapes("anthropic")("error", anthropic.body);
  assert.equal(anthropic.body.error.type, "request_too_large");
  assert.deepEqual(Object.keys(ollama.body), ["error"]);
  assert.equal(typeof ollama.body.error, "string");
});

const decide = (body, headers = {}) => fetch(`${gateway.admin_url}/suffice/v1/decide`,
  { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

test("decide: says what would be done and why, and does nothing", async () => {
  const before = gateway.audit("tail", "--json").out;
  const local = await (await decide(chat("cannot find symbol", "suffice/classify_issue"))).json();
  const stopped = await (await decide(chat("401 Unauthorized", "suffice/classify_issue"))).json();
  const unknown = await (await decide(chat("hello", "some-model"))).json();

  assert.deepEqual([local.task, local.route, local.reasons], ["classify_issue", "local", []]);
  assert.deepEqual(local.ladder, [{ model: "mini", local: true }, { model: "recorded-frontier", local: false }]);
  assert.ok(local.cost_usd_max > 0);
  assert.deepEqual([stopped.route, stopped.reasons, stopped.ladder.length], ["frontier", ["hard_stop_access"], 1]);
  assert.deepEqual([unknown.task, unknown.reasons], [null, ["unknown_task"]]);
  assert.equal((await decide("no request")).status, 400);
  assert.equal((await decide({}, { "content-type": "text/plain" })).status, 415);
  assert.equal((await fetch(`${gateway.url}/suffice/v1/decide`, { method: "POST" })).status, 404, "operators only");
  assert.equal(gateway.audit("tail", "--json").out, before, "nothing is recorded");
});

test("man: a page that man itself has nothing to say against, with every command and flag of --help", { skip: spawnSync("man", ["--version"]).error && "man is not installed" }, () => {
  const page = spawnSync(binary, ["man"], { encoding: "utf8" });
  const shown = spawnSync("man", ["--warnings", "-l", "-"], { input: page.stdout, encoding: "utf8", env: { ...process.env, MANWIDTH: "200", MANPAGER: "cat" } });
  const flags = [...spawnSync(binary, ["serve", "--help"], { encoding: "utf8" }).stdout.matchAll(/ (--[a-z-]+)/g)].map(([, flag]) => flag);

  assert.equal(page.status, 0);
  assert.equal(shown.stderr, "");
  for (const words of ["suffice serve", "suffice audit verify", "suffice prompts test", ...flags.filter((flag) => flag !== "--help")])
    assert.ok(shown.stdout.includes(words), words);
});
