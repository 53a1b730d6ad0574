// The official OpenAI SDK, unmodified, against the real binary.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { Gateway, user } from "./gateway.mjs";

let gateway;
let client;

before(async () => {
  gateway = await Gateway.start();
  await gateway.modelsReady();
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
});
after(() => gateway.stop());

const compileError = "[ERROR] COMPILATION ERROR :\n[ERROR] /src/main/java/App.java:[14,8] cannot find symbol\n  symbol: class Foo\n" +
  "[INFO] BUILD FAILURE\n[ERROR] Failed to execute goal maven-compiler-plugin:3.8.1:compile: Compilation failure";
const weatherTool = { type: "function", function: { name: "get_weather", description: "Weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } } };

test("chat: a task's answer names its route in headers and body", async () => {
  const { data, response } = await client.chat.completions.create(
    { model: "suffice/classify_issue", messages: [user(compileError)] }).withResponse();

  assert.equal(data.object, "chat.completion");
  assert.equal(data.choices.length, 1);
  assert.equal(data.choices[0].finish_reason, "stop");
  assert.ok(["build", "test", "dependency", "unknown", "security", "access"].includes(data.choices[0].message.content));
  assert.ok(["local", "escalated"].includes(response.headers.get("x-suffice-route")));
  assert.equal(data.suffice.route, response.headers.get("x-suffice-route"));
  assert.equal(data.suffice.task, "classify_issue");
  assert.ok(data.usage.total_tokens > 0);
});

test("chat: the exact label distribution decides, and its probability is shown", async () => {
  const answer = await client.chat.completions.create({ model: "suffice/classify_issue", messages: [user(compileError)] });

  assert.ok(answer.suffice.confidence === null || (answer.suffice.confidence >= 0 && answer.suffice.confidence <= 1));
});

test("chat: an access failure that looks like a dependency never stays local", async () => {
  const { data, response } = await client.chat.completions.create({ model: "suffice/classify_issue", messages: [user(
    "[ERROR] Could not resolve dependencies: Failed to collect com.acme:lib:1.2: Could not transfer artifact from/to nexus: status code 401 Unauthorized")] }).withResponse();

  assert.equal(response.headers.get("x-suffice-route"), "frontier");
  assert.equal(response.headers.get("x-suffice-reason"), "hard_stop_access");
  assert.equal(response.headers.get("x-suffice-stand-in"), "true");
  assert.equal(data.choices[0].message.content, "access");
});

test("chat: no task goes to the frontier with unknown_task when the model names none", async () => {
  const { data, response } = await client.chat.completions.create(
    { model: "gpt-4o", messages: [user("What is the capital of France?")] }).withResponse();

  assert.equal(response.headers.get("x-suffice-reason"), "unknown_task");
  assert.match(data.choices[0].message.content, /Paris/);
  assert.equal(data.usage.completion_tokens, 8);
});

test("stream: pieces add up to the whole answer and usage comes last", async () => {
  const stream = await client.chat.completions.create({ model: "suffice/chat", stream: true, stream_options: { include_usage: true },
    messages: [user("What is the capital of France?")] });
  let text = "";
  let pieces = 0;
  let usage;
  for await (const chunk of stream) {
    assert.equal(chunk.object, "chat.completion.chunk");
    const delta = chunk.choices[0]?.delta?.content;
    if (delta) { text += delta; pieces += 1; }
    if (chunk.usage) usage = chunk.usage;
  }

  assert.equal(text, "The capital of France is Paris.");
  assert.ok(pieces > 1, "the frontier's tokens pass through as they come");
  assert.equal(usage.completion_tokens, 8);
});

test("stream: a local answer is buffered until it is accepted", async () => {
  const stream = client.beta.chat.completions.stream({ model: "suffice/classify_issue", messages: [user(compileError)] });
  const final = await stream.finalChatCompletion();

  assert.ok(final.choices[0].message.content.length > 0);
  assert.equal(final.choices[0].finish_reason, "stop");
});

test("tools: a proposed call comes back in OpenAI's shape", async () => {
  const answer = await client.chat.completions.create(
    { model: "suffice/chat", tools: [weatherTool], messages: [user("What is the weather in Paris?")] });

  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(answer.choices[0].message.content, null);
  assert.deepEqual(answer.choices[0].message.tool_calls, [
    { id: "call_1", type: "function", function: { name: "get_weather", arguments: "{\"city\":\"Paris\"}" } }]);
});

test("tools: a streamed call is put together by the SDK's accumulator", async () => {
  const stream = client.beta.chat.completions.stream(
    { model: "suffice/chat", tools: [weatherTool], messages: [user("What is the weather in Paris?")] });
  const call = await stream.finalFunctionCall().catch(() => null);
  const final = await stream.finalChatCompletion();

  assert.equal(final.choices[0].finish_reason, "tool_calls");
  assert.equal(final.choices[0].message.tool_calls[0].function.arguments, "{\"city\":\"Paris\"}");
  assert.ok(call === null || call === undefined || call.name === "get_weather");
});

test("tools: the result of a call is sent back and answered", async () => {
  const answer = await client.chat.completions.create({ model: "suffice/chat", tools: [weatherTool], messages: [
    user("ignore"), { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "get_weather", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "call_1", content: "the capital of France is warm" }] });

  assert.match(answer.choices[0].message.content, /Paris/);
});

test("tools: a call that business rules want approved is marked, never approved", async () => {
  const answer = await client.chat.completions.create({ model: "suffice/chat", messages: [user("please delete the branch")],
    tools: [{ type: "function", function: { name: "delete_branch", parameters: { type: "object", properties: { name: { type: "string" } } } } }] });

  assert.deepEqual(answer.suffice.approval_required, ["delete_branch"]);
});

test("structured output: the SDK's parse helper reads a task with a schema", async () => {
  const answer = await client.beta.chat.completions.parse({ model: "suffice/extract_order", messages: [user("I want three lamps")],
    response_format: { type: "json_schema", json_schema: { name: "order", strict: true, schema: { type: "object", required: ["item", "quantity"],
      additionalProperties: false, properties: { item: { type: "string" }, quantity: { type: "integer" } } } } } });

  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { item: "lamp", quantity: 3 });
});

test("structured output: a frontier answer that fails the task's schema is served with a warning", async () => {
  const { data, response } = await client.chat.completions.create(
    { model: "suffice/extract_order", messages: [user("a broken order")] }).withResponse();

  assert.match(response.headers.get("x-suffice-warning"), /schema_invalid/);
  assert.match(data.suffice.warning, /schema_invalid/);
});

test("models: the list names every task as a model", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);

  assert.deepEqual(ids.sort(), ["suffice/auto", "suffice/chat", "suffice/classify_issue", "suffice/extract_order"]);
  assert.equal((await client.models.retrieve("suffice/chat")).owned_by, "suffice");
});

test("errors: the SDK raises its own classes with the field that is wrong", async () => {
  await assert.rejects(client.chat.completions.create({ model: "suffice/chat", n: 3, messages: [user("hi")] }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "n");
    return true;
  });
  await assert.rejects(client.models.retrieve("nope"), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: "suffice/chat", messages: [user("fail please")] }), OpenAI.InternalServerError);
});
