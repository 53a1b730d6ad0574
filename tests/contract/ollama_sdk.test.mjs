// The official Ollama client, unmodified, against the real binary; and every answer against the vendor's shapes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Ollama } from "ollama";
import { Gateway, user } from "./gateway.mjs";
import { ndjsonLines, shapes } from "./shapes.mjs";

const fits = shapes("ollama");
const france = { model: "suffice/chat", messages: [user("What is the capital of France?")] };
const weather = { model: "suffice/chat", messages: [user("weather in Paris and Rome at once")],
  tools: [{ type: "function", function: { name: "get_weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { type: "string" } } } } }] };

let gateway;
let client;

before(async () => {
  gateway = await Gateway.start();
  await gateway.modelsReady();
  client = new Ollama({ host: gateway.url });
});
after(() => gateway.stop());

const collect = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

test("chat: whole and streamed answers say the same", async () => {
  const whole = await client.chat(france);
  const parts = await collect(await client.chat({ ...france, stream: true }));

  assert.equal(whole.message.content, "The capital of France is Paris.");
  assert.equal(parts.map((part) => part.message.content).join(""), whole.message.content);
  assert.ok(parts.length > 2, "the frontier's tokens pass through as they come");
  assert.deepEqual(parts.map((part) => part.done), parts.map((_, at) => at === parts.length - 1));
  assert.equal(parts.at(-1).done_reason, "stop");
  assert.deepEqual([whole.prompt_eval_count, whole.eval_count], [14, 8]);
  assert.ok(whole.total_duration > 0);
});

test("generate: a prompt is answered, whole and streamed", async () => {
  const asked = { model: "suffice/chat", prompt: "What is the capital of France?", system: "be brief", options: { temperature: 0, num_ctx: 8192 } };
  const whole = await client.generate(asked);
  const parts = await collect(await client.generate({ ...asked, stream: true }));

  assert.equal(whole.response, "The capital of France is Paris.");
  assert.equal(parts.map((part) => part.response).join(""), whole.response);
});

test("tools: parallel calls come back and their results are answered", async () => {
  const whole = await client.chat(weather);
  const parts = await collect(await client.chat({ ...weather, stream: true }));
  const streamed = parts.flatMap((part) => part.message.tool_calls ?? []);

  assert.deepEqual(whole.message.tool_calls.map((call) => call.function.arguments), [{ city: "Paris" }, { city: "Rome" }]);
  assert.deepEqual(streamed, whole.message.tool_calls);
  const answer = await client.chat({ ...weather, messages: [user("ignore"), whole.message,
    { role: "tool", tool_name: "get_weather", content: "the capital of France is warm" }, { role: "tool", tool_name: "get_weather", content: "cold" }] });
  assert.match(answer.message.content, /Paris/);
});

test("format: a schema is the answer's", async () => {
  const answer = await client.chat({ model: "suffice/extract_order", messages: [user("I want three lamps")],
    format: { type: "object", required: ["item", "quantity"], properties: { item: { type: "string" }, quantity: { type: "integer" } } } });

  assert.deepEqual(JSON.parse(answer.message.content), { item: "lamp", quantity: 3 });
});

test("list and version: every task is a model", async () => {
  const { models } = await client.list();

  assert.deepEqual(models.map((model) => model.name).sort(), ["suffice/auto", "suffice/chat", "suffice/classify_issue", "suffice/extract_order"]);
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

test("errors: named, in the vendor's shape, whole and before a stream", async () => {
  await assert.rejects(client.generate({ model: "suffice/chat", prompt: "p", suffix: "x" }), /suffix/);
  await assert.rejects(client.chat({ ...france, options: { temperature: "hot" } }), /options\.temperature/);
  await assert.rejects(client.chat({ model: "suffice/chat", messages: [user("fail please")] }), /recorded failure/);
  await assert.rejects(client.chat({ model: "suffice/chat", messages: [user("fail please")], stream: true }), /recorded failure/);
});

test("media type: curl's default is taken, a web page's is not", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const body = JSON.stringify({ ...france, stream: false });
  assert.equal((await gateway.post("/api/chat", body, form)).status, 200);
  assert.equal((await gateway.post("/api/chat", body, { ...form, origin: "https://evil.example" })).status, 415);
});

test("shapes: every body, line and error fits the vendor's schema", async () => {
  for (const used of [france, weather]) {
    const { stream, ...body } = used; // the client writes its own `stream` into what it is given
    fits("chat", await (await gateway.post("/api/chat", { ...body, stream: false })).json());
    const answer = await gateway.post("/api/chat", body);
    const text = await answer.text();
    assert.equal(answer.headers.get("content-type"), "application/x-ndjson", text);
    assert.equal(answer.headers.get("x-suffice-route"), "frontier");
    for (const line of ndjsonLines(text)) fits("chat", line);
  }
  const prompt = { model: "suffice/chat", prompt: "What is the capital of France?" };
  fits("generate", await (await gateway.post("/api/generate", { ...prompt, stream: false })).json());
  for (const line of ndjsonLines(await (await gateway.post("/api/generate", prompt)).text())) fits("generate", line);
  fits("tags", await (await fetch(`${gateway.url}/api/tags`)).json());
  fits("version", await (await fetch(`${gateway.url}/api/version`)).json());
  for (const answer of [await gateway.post("/api/chat", "{"), await gateway.post("/api/chat", { model: "m" }), await fetch(`${gateway.url}/api/nothing`),
    await fetch(`${gateway.url}/api/chat`)]) {
    assert.ok(answer.status >= 400);
    fits("error", await answer.json());
  }
});
