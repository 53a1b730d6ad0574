// Callers' keys: who is let in, and what each may use. The real binary and the official SDK.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { Gateway, binary, shippedPolicy, user } from "./gateway.mjs";

const run = (args, input = "") => spawnSync(binary, args, { encoding: "utf8", input });
const newKey = (name) => JSON.parse(run(["keys", "new", name, "--json"]).stdout);
const france = { model: "suffice/chat", messages: [user("What is the capital of France?")] };

// The policy of the other contract tests, at the same place on the disk so that its relative paths hold, with `keys` added.
const policyWith = (name, keys) => {
  const file = join(dirname(shippedPolicy), `.${name}-${process.pid}.yaml`);
  writeFileSync(file, `${readFileSync(shippedPolicy, "utf8")}\nkeys:\n${keys}`);
  return file;
};

let whole, limited, poor, policy, gateway;
before(async () => {
  [whole, limited, poor] = ["whole", "limited", "poor"].map(newKey);
  policy = policyWith("keys", `  whole: {sha256: ${whole.sha256}, group: staff}
  limited: {sha256: ${limited.sha256}, tasks: [classify_issue], quota: {requests_per_minute: 2}}
  poor: {sha256: ${poor.sha256}, budget: {usd_per_day: 0.0000001}}
`);
  gateway = await Gateway.start({ policy });
  await gateway.modelsReady();
});
after(async () => {
  await gateway.stop();
  rmSync(policy);
});

const bearer = (key) => ({ authorization: `Bearer ${key.key}` });

test("keys: a request without one, or with an unknown one, is refused and leaves no event", async () => {
  const before = gateway.audit("export").out.split("\n").length;
  for (const headers of [{}, { authorization: "Bearer sk-suffice-nobody" }, { "x-api-key": "sk-suffice-nobody" }]) {
    const answer = await gateway.post("/v1/chat/completions", france, headers);
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    assert.equal(answer.headers.get("x-suffice-policy"), null);
    const { error } = await answer.json();
    assert.equal(error.type, "authentication_error");
    assert.equal(error.code, "unauthorized");
  }
  assert.equal(gateway.audit("export").out.split("\n").length, before);
  assert.equal((await fetch(`${gateway.url}/v1/models`)).status, 401);
  assert.equal((await fetch(`${gateway.url}/v1/models`, { headers: bearer(whole) })).status, 200);
  assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200, "health needs no key");
});

test("keys: the official SDK gets in with its api key and raises its own error without", async () => {
  const answer = await new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: whole.key }).chat.completions.create(france);
  assert.match(answer.choices[0].message.content, /Paris/);
  const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-suffice-nobody", maxRetries: 0 });
  await assert.rejects(stranger.chat.completions.create(france), OpenAI.AuthenticationError);
});

test("keys: the record names the key and its group, never the key itself", async () => {
  const answer = await gateway.post("/v1/chat/completions", france, bearer(whole));
  const { out } = gateway.audit("show", answer.headers.get("x-suffice-event-id"), "--json");
  assert.match(out, /"caller_key":\s*"whole"/);
  assert.match(out, /"caller_group":\s*"staff"/);
  assert.doesNotMatch(gateway.audit("export").out + gateway.log, new RegExp(whole.key));
});

test("keys: a key asks for its own tasks only, within its requests a minute", async () => {
  assert.equal((await gateway.post("/v1/chat/completions", france, bearer(limited))).status, 403);
  const issue = { model: "suffice/classify_issue", messages: [user("COMPILATION ERROR cannot find symbol")] };
  const statuses = [];
  let last;
  for (let i = 0; i < 3; i += 1) statuses.push((last = await gateway.post("/v1/chat/completions", issue, bearer(limited))).status);
  assert.deepEqual(statuses, [200, 200, 429]);
  assert.ok(Number(last.headers.get("retry-after")) >= 1);
  const metrics = await (await fetch(`${gateway.admin_url}/metrics`)).text();
  assert.match(metrics, /suffice_requests_refused_total\{key="limited",error="rate_limited"\} 1/);
});

test("keys: a budget that cannot pay the dearest outcome refuses before any model is asked", async () => {
  const answer = await gateway.post("/v1/chat/completions", france, bearer(poor));
  assert.equal(answer.status, 402);
  assert.equal((await answer.json()).error.code, "budget_exhausted");
});

test("keys: what was spent today is not forgotten by a restart", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "suffice-spent-"));
  const key = newKey("spender");
  const file = policyWith("spent", `  spender: {sha256: ${key.sha256}, budget: {usd_per_day: 0.006}}\n`);
  let one = await Gateway.start({ policy: file, data });
  t.after(async () => {
    await one.stop();
    rmSync(data, { recursive: true });
    rmSync(file);
  });
  let paid = 0;
  for (let i = 0; i < 50 && (await one.post("/v1/chat/completions", france, bearer(key))).status === 200; i += 1) paid += 1;
  assert.ok(paid > 0 && paid < 50, `${paid} requests were paid for`);
  await one.kill("SIGKILL");
  one = await Gateway.start({ policy: file, data });
  assert.equal((await one.post("/v1/chat/completions", france, bearer(key))).status, 402);
});

test("keys: without them a listener that others can reach is refused", () => {
  const open = run(["serve", "--policy", shippedPolicy, "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0", "--data",
    mkdtempSync(join(tmpdir(), "suffice-open-"))]);
  assert.equal(open.status, 2);
  assert.match(open.stderr, /suffice keys new NAME/);
});

test("keys: taking one out of the file takes it back", async (t) => {
  const key = newKey("leaver");
  const file = policyWith("leaver", `  leaver: {sha256: ${key.sha256}}\n  stayer: {sha256: ${whole.sha256}}\n`);
  const one = await Gateway.start({ policy: file });
  t.after(async () => {
    await one.stop();
    rmSync(file);
  });
  assert.equal((await one.post("/v1/chat/completions", france, bearer(key))).status, 200);
  writeFileSync(file, readFileSync(file, "utf8").replace(/^ {2}leaver:.*\n/m, ""));
  const reloaded = await fetch(`${one.admin_url}/suffice/v1/policy/reload`, { method: "POST" });
  assert.equal(reloaded.status, 200);
  assert.equal((await one.post("/v1/chat/completions", france, bearer(key))).status, 401);
});

test("suffice keys: prints a key once with its entry, hashes one from standard input, refuses a bad name", () => {
  const made = run(["keys", "new", "team-a"]);
  assert.equal(made.status, 0);
  const key = made.stdout.match(/sk-suffice-[A-Za-z0-9_-]{43}/)[0];
  const hashed = run(["keys", "hash"], `${key}\n`);
  assert.ok(made.stdout.includes(`sha256: ${hashed.stdout.trim()}`));
  assert.equal(run(["keys", "new", "no spaces"]).status, 2);
  assert.equal(run(["keys", "hash"], "\n").status, 2);
});
