// Workflows as models of the HTTP API: the official SDKs, documents in messages and as file parts, progress, accounting, refusals.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai-latest";
import { Gateway, user } from "./gateway.mjs";

// A meeting in which two far parts are needed: who keeps the key, and where that person is.
const filler = Array.from({ length: 400 }, (_, i) => `Speaker ${i % 3}: item ${i} of the budget is as it was last year.`);
const meeting = [...filler.slice(0, 30), "Anna: the key to the archive is kept by Mirela Stan.", ...filler.slice(30)].join("\n");
const question = "Who keeps the key to the archive?";
const policy = `
version: 1
models:
  small: {provider: recorded, model: small.jsonl, local: true, stand_in: true, price: {input: 0}}
  large: {provider: recorded, model: large.jsonl, stand_in: true, price: {input: 3, output: 15}}
frontier: large
hard_stops:
  secret: {reason: hard_stop_security, words: [password]}
tasks:
  chat: {local: false, tiers: [large]}
workflows:
  chain: {file: chain.yaml, description: long documents, hard_stops: [secret]}
  two_steps: two_steps.yaml
`;
const files = {
  "policy.yaml": policy,
  "chain.yaml": "version: 1\npattern: chain\nbudget: {usd: 0.1, calls: 100, steps: 500, time: 60s}\nchain: {chunk_tokens: 1200, sentences_per_part: 2, score_min: 4}\n",
  "two_steps.yaml": `version: 1
models: {worker: small, frontier: large}
budget: {usd: 0.1, calls: 2, time: 60s}
start: draft
executors:
  draft: {model: worker, text: "Draft: {{input/query}}"}
  conclude: {model: frontier, text: "Conclude: {{/answer}}"}
edges: [{from: draft, to: conclude}]
`,
  "small.jsonl": JSON.stringify({ match: { input_contains: ["Draft:"] }, response: { text: "a draft", usage: "estimate" } }),
  "large.jsonl": JSON.stringify({ match: { input_contains: ["Conclude: a draft"] }, response: { text: "the conclusion", usage: "estimate" } }),
};

let folder;
let gateway;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "suffice-workflows-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  gateway = await Gateway.start({ policy: join(folder, "policy.yaml") });
});
after(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
const file = { type: "file", file: { filename: "meeting.txt", file_data: `data:text/plain;base64,${Buffer.from(meeting).toString("base64")}` } };

test("every workflow is a model", async () => {
  const names = (await openai().models.list()).data.map(({ id }) => id);
  for (const name of ["suffice/chain", "suffice/two_steps"]) assert.ok(names.includes(name), name);
});

test("chain: a document as a file part, its answer with verified quotes", async () => {
  const { data, response } = await openai().chat.completions.create({ model: "suffice/chain", messages: [user([file, { type: "text", text: question }])] }).withResponse();

  assert.match(data.choices[0].message.content, /Mirela Stan/);
  assert.equal(response.headers.get("x-suffice-workflow"), "chain");
  assert.equal(response.headers.get("x-suffice-route"), "local");
  assert.equal(data.suffice.workflow, "chain");
  const quote = data.suffice.details.ledger.facts.find((fact) => fact.quote.includes("Mirela Stan"));
  assert.equal(Buffer.from(meeting).subarray(quote.begin, quote.begin + Buffer.byteLength(quote.quote)).toString(), quote.quote);
});

test("chain: the same document between tags and as the longer of two texts", async () => {
  for (const content of [`<document>${meeting}</document>\n${question}`, [{ type: "text", text: meeting }, { type: "text", text: question }]]) {
    const answer = await openai().chat.completions.create({ model: "suffice/chain", messages: [user(content)] });
    assert.match(answer.choices[0].message.content, /Mirela Stan/);
  }
});

test("anthropic: a document block, by the official SDK", async () => {
  const client = new Anthropic({ baseURL: gateway.url, apiKey: "none", maxRetries: 0 });
  const message = await client.messages.create({ model: "suffice/chain", max_tokens: 500, messages: [{ role: "user", content: [
    { type: "document", title: "meeting.txt", source: { type: "text", media_type: "text/plain", data: meeting } }, { type: "text", text: question }] }] });

  assert.match(message.content[0].text, /Mirela Stan/);
});

test("two models: usage of both, money of both, one event with every call", async () => {
  const { data, response } = await openai().chat.completions.create({ model: "suffice/two_steps", messages: [user("hello")] }).withResponse();

  assert.equal(data.choices[0].message.content, "the conclusion");
  assert.deepEqual(data.suffice.used.map(({ model, local, calls }) => [model, local, calls]), [["small", true, 1], ["large", false, 1]]);
  assert.equal(data.usage.prompt_tokens, data.suffice.used.reduce((sum, use) => sum + use.input_tokens, 0));
  assert.equal(response.headers.get("x-suffice-route"), "escalated");
  const event = JSON.parse(gateway.audit("show", response.headers.get("x-suffice-event-id"), "--json").out);
  const recorded = event.event ?? event;
  assert.equal(recorded.workflow, "two_steps");
  assert.equal(recorded.attempts.length, 2);
});

test("a stream tells what the workflow does as comments, then streams the answer", async () => {
  const response = await gateway.post("/v1/chat/completions", { model: "suffice/chain", stream: true, messages: [user([file, { type: "text", text: question }])] });
  const text = await response.text();
  assert.match(text, /^: \S/m);
  const said = text.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "").join("");
  assert.match(said, /Mirela Stan/);
  assert.match(text, /data: \[DONE\]/);

  const stream = await openai().chat.completions.create({ model: "suffice/chain", stream: true, messages: [user([file, { type: "text", text: question }])] });
  let whole = "";
  for await (const chunk of stream) whole += chunk.choices[0]?.delta?.content ?? "";
  assert.equal(whole, said, "the SDK skips the comments");
});

test("a hard stop, an image and an empty request are refused in words, and nothing is asked", async () => {
  const refused = async (content) => {
    const response = await gateway.post("/v1/chat/completions", { model: "suffice/chain", messages: [user(content)] });
    return [response.status, (await response.json()).error.message];
  };
  const [status, message] = await refused(`<document>the password is x</document>${question}`);
  assert.equal(status, 403);
  assert.match(message, /hard_stop_security/);
  assert.equal((await refused([{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }, { type: "text", text: "?" }]))[0], 400);
  const [empty, why] = await refused(question);
  assert.equal(empty, 400, why);
});

test("the kill switch keeps a document from the frontier too", async () => {
  const set = (kill_switch) => fetch(`${gateway.admin_url}/suffice/v1/flags`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ kill_switch }) });
  await set("frontier_only");
  const response = await gateway.post("/v1/chat/completions", { model: "suffice/chain", messages: [user(`<document>${meeting}</document>${question}`)] });
  await set("off");
  assert.equal(response.status, 403);
  assert.equal(response.headers.get("x-suffice-reason"), "kill_switch");
});
