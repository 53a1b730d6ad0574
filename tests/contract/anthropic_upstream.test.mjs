// Anthropic on both sides: what one of its clients says reaches a model of its dialect, and is counted there.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { Gateway, user } from "./gateway.mjs";

const seen = [];
const provider = createServer(async (request, response) => {
  let text = "";
  for await (const piece of request) text += piece;
  seen.push({ path: request.url, headers: request.headers, body: JSON.parse(text) });
  const counted = request.url.endsWith("/count_tokens");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(counted ? { input_tokens: 4711 } : { id: "msg_up", type: "message", role: "assistant", model: "claude-up",
    content: [{ type: "text", text: "hello" }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 4711, output_tokens: 1 } }));
});

let folder;
let gateway;
let client;
before(async () => {
  provider.listen(0, "127.0.0.1");
  await once(provider, "listening");
  folder = mkdtempSync(join(tmpdir(), "suffice-anthropic-"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, `version: 1
models:
  claude: {provider: anthropic, model: claude-up, endpoint: "http://127.0.0.1:${provider.address().port}", api_key: {env: PROVIDER_KEY}, retries: {attempts_max: 1}, price: {input: 3, output: 15}}
frontier: claude
tasks:
  chat: {description: free chat, local: no, tiers: [claude]}
`);
  gateway = await Gateway.start({ policy, env: { PROVIDER_KEY: "sk-test" } });
  client = new Anthropic({ baseURL: gateway.url, apiKey: "none", maxRetries: 0 });
});
after(async () => {
  await gateway.stop();
  provider.close();
  rmSync(folder, { recursive: true });
});

const question = { model: "suffice/chat", messages: [user("hi")], system: "Be brief." };

test("betas: what a caller asks for by name goes along with the fields that need it", async () => {
  await client.beta.messages.create({ ...question, max_tokens: 9, betas: ["context-1m-2025-08-07", "interleaved-thinking-2025-05-14"] });

  assert.equal(seen.at(-1).headers["anthropic-beta"], "context-1m-2025-08-07,interleaved-thinking-2025-05-14");
  assert.equal(seen.at(-1).body.model, "claude-up");
});

test("betas: a header that is no list of names is refused and sent nowhere", async () => {
  const asked = seen.length;
  const answer = await gateway.post("/v1/messages", { ...question, max_tokens: 9 }, { "anthropic-beta": "x; y=\"z\"" });

  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error.message, /anthropic-beta/);
  assert.equal(seen.length, asked);
});

test("betas: a caller of another dialect has none to send", async () => {
  await gateway.post("/v1/chat/completions", { model: "suffice/chat", messages: [user("hi")] }, { "anthropic-beta": "context-1m-2025-08-07" });

  assert.equal(seen.at(-1).headers["anthropic-beta"], undefined);
});

test("count_tokens: the provider counts what it would be sent, and is told nothing else", async () => {
  const { data, response } = await client.messages.countTokens(question).withResponse();
  const asked = seen.at(-1);

  assert.deepEqual([data.input_tokens, response.headers.get("x-suffice-token-count")], [4711, "exact"]);
  assert.equal(asked.path, "/v1/messages/count_tokens");
  assert.deepEqual(Object.keys(asked.body).sort(), ["messages", "model", "system"]);
});

test("count_tokens: an estimate when the provider does not count", async () => {
  provider.close();
  provider.closeAllConnections();
  const { data, response } = await client.messages.countTokens(question).withResponse();

  assert.equal(response.headers.get("x-suffice-token-count"), "estimate");
  assert.ok(data.input_tokens > 0 && data.input_tokens < 4711);
});
