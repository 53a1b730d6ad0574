// POST /v1/embeddings and /api/embed: official SDKs, a hosted model and the embedded one.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { OpenAIEmbeddings } from "@langchain/openai";
import { embedMany } from "ai";
import { Ollama } from "ollama";
import OpenAI4 from "openai";
import OpenAILatest from "openai-latest";
import { Gateway, root } from "./gateway.mjs";
import { shapes } from "./shapes.mjs";
import { Upstream } from "./upstream.mjs";

const fits = shapes("openai");
const pinned = readFileSync(new URL("policy.yaml", import.meta.url), "utf8").match(/sha256: (\w+)/)[1];
let upstream;
let gateway;
before(async () => {
  upstream = await Upstream.start();
  const policy = upstream.writePolicy(`  hosted: {provider: openai, model: scripted-embedding, endpoint: "${upstream.endpoint}", embeddings: yes, price: {input: 1}}
  mini: {provider: embedded, model: "${join(root, "models/suffice-mini/suffice-mini-q4_0.gguf")}", sha256: ${pinned}, embeddings: yes, price: {hardware_per_hour: 0.02}}
`);
  writeFileSync(policy, readFileSync(policy, "utf8") + `  careful: {description: with a hard stop, tiers: [upstream], local: no, hard_stops: [secrets]}
hard_stops:
  secrets: {reason: hard_stop_access, phrases: ["top secret"]}
`);
  gateway = await Gateway.start({ policy });
  await gateway.modelsReady();
});
after(async () => {
  await gateway?.stop();
  upstream?.stop();
});

const length = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

for (const [version, OpenAI] of [["4", OpenAI4], ["6", OpenAILatest]]) {
  const connect = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });

  test(`openai ${version}: a hosted model's vectors come back in order, as the SDK asks for them`, async () => {
    const { data, response } = await connect().embeddings.create({ model: "hosted", input: ["hello", "a"] }).withResponse();

    assert.deepEqual(data.data.map((one) => [...one.embedding]), [[5, 2, 0.5], [1, 1, 0.5]]);
    assert.equal(data.usage.prompt_tokens, 5);
    assert.equal(data.model, "hosted");
    assert.equal(response.headers.get("x-suffice-route"), "frontier");
    assert.equal(response.headers.get("x-suffice-cost-usd"), "0.000005000");
    assert.deepEqual(upstream.seen.at(-1).body, { model: "scripted-embedding", input: ["hello", "a"], encoding_format: "float" });
  });

  test(`openai ${version}: base64 and numbers are the same vectors of the embedded model`, async () => {
    const client = connect();
    const coded = await client.embeddings.create({ model: "suffice/mini", input: ["a cat sat", "the build failed"] });
    const plain = await client.embeddings.create({ model: "suffice/mini", input: ["a cat sat", "the build failed"], encoding_format: "float" });

    coded.data.forEach((one, i) => assert.deepEqual([...one.embedding], plain.data[i].embedding.map(Math.fround)));
    for (const { embedding } of plain.data) assert.ok(Math.abs(length(embedding) - 1) < 1e-3);
    assert.ok(dot(plain.data[0].embedding, plain.data[1].embedding) < 0.9999, "two texts, two vectors");
    assert.ok(coded.usage.prompt_tokens > 0);
  });

  test(`openai ${version}: what cannot be honoured is an error naming the field`, async () => {
    const client = connect();
    await assert.rejects(client.embeddings.create({ model: "hosted", input: [[1, 2, 3]] }), (error) => error instanceof OpenAI.BadRequestError && error.param === "input[0]");
    await assert.rejects(client.embeddings.create({ model: "mini", input: "x", dimensions: 8 }), (error) => error instanceof OpenAI.BadRequestError && error.param === "dimensions");
    await assert.rejects(client.embeddings.create({ model: "text-embedding-3-small", input: "x" }), OpenAI.NotFoundError);
    await assert.rejects(client.embeddings.create({ model: "upstream", input: "x" }), OpenAI.NotFoundError);
  });
}

test("the AI SDK embeds many texts", async () => {
  const openai = createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none" });
  const { embeddings, usage } = await embedMany({ model: openai.textEmbeddingModel("hosted"), values: ["hello", "a"], maxRetries: 0 });
  assert.deepEqual(embeddings, [[5, 2, 0.5], [1, 1, 0.5]]);
  assert.equal(usage.tokens, 5);
});

test("LangChain embeds documents and queries", async () => {
  const embedder = new OpenAIEmbeddings({ model: "hosted", apiKey: "none", maxRetries: 0, configuration: { baseURL: `${gateway.url}/v1` } });
  assert.deepEqual(await embedder.embedDocuments(["hello", "a"]), [[5, 2, 0.5], [1, 1, 0.5]]);
  assert.deepEqual(await embedder.embedQuery("a"), [1, 1, 0.5]);
});

test("answers have the published shape, in both encodings", async () => {
  for (const encoding_format of ["float", "base64"]) {
    fits("Embeddings", await (await gateway.post("/v1/embeddings", { model: "mini", input: "x", encoding_format })).json());
  }
});

test("Ollama's clients are answered in their own shape", async () => {
  const made = await new Ollama({ host: gateway.url }).embed({ model: "mini", input: ["a", "b"] });
  assert.equal(made.embeddings.length, 2);
  assert.ok(Math.abs(length(made.embeddings[0]) - 1) < 1e-3);
  const answer = await gateway.post("/api/embed", { model: "mini", input: ["a", "b"] });
  const body = await answer.json();
  assert.equal(answer.status, 200);
  assert.equal(body.embeddings.length, 2);
  assert.ok(body.prompt_eval_count > 0 && body.total_duration > 0);
  const refused = await gateway.post("/api/embed", { model: "mini", input: "a", truncate: true });
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).error, /truncate/);
});

test("a task's hard stops keep a text from the local model, and the record says why, without text", async () => {
  const headers = { "x-suffice-task": "careful" };
  const stopped = await gateway.post("/v1/embeddings", { model: "mini", input: ["fine", "this is TOP secret zebra"] }, headers);
  assert.equal(stopped.status, 403);
  assert.equal(stopped.headers.get("x-suffice-reason"), "hard_stop_access");
  assert.equal((await gateway.post("/v1/embeddings", { model: "mini", input: ["fine"] }, headers)).status, 200);
  assert.equal((await gateway.post("/v1/embeddings", { model: "mini", input: "x" }, { "x-suffice-task": "nope" })).status, 404);

  const events = gateway.audit("tail", "--json", "-n", "50").out;
  assert.match(events, /openai\.embeddings/);
  assert.match(events, /texts=2 sha256=[0-9a-f]{64}/);
  assert.doesNotMatch(events, /zebra/);
});

test("the kill switch holds for embeddings too", async () => {
  const flags = (kill_switch) => fetch(`${gateway.admin_url}/suffice/v1/flags`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ kill_switch }) });
  await flags("local_only");
  assert.equal((await gateway.post("/v1/embeddings", { model: "hosted", input: "x" })).status, 503);
  await flags("frontier_only");
  assert.equal((await gateway.post("/v1/embeddings", { model: "mini", input: "x" })).status, 503);
  await flags("off");
  assert.equal((await gateway.post("/v1/embeddings", { model: "hosted", input: "x" })).status, 200);
});

test("the model list names what can be asked for embeddings", async () => {
  const { data } = await (await fetch(`${gateway.url}/v1/models`)).json();
  assert.ok(["hosted", "mini"].every((id) => data.some((model) => model.id === id)));
  assert.ok(!data.some((model) => model.id === "upstream"));
});
