// The official Anthropic SDK, unmodified, against the real binary; and every answer against the vendor's shapes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { Gateway, user } from "./gateway.mjs";
import { shapes, sseEvents } from "./shapes.mjs";

const fits = shapes("anthropic");
const version = { "anthropic-version": "2023-06-01" };
const france = { model: "suffice/chat", max_tokens: 64, messages: [user("What is the capital of France?")] };
const weather = { model: "suffice/chat", max_tokens: 64, messages: [user("What is the weather in Paris?")],
  tools: [{ name: "get_weather", description: "Weather of a city", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }] };
const two = { ...weather, messages: [user("weather in Paris and Rome at once")] };

let gateway;
let client;

before(async () => {
  gateway = await Gateway.start();
  await gateway.modelsReady();
  client = new Anthropic({ baseURL: gateway.url, apiKey: "none", maxRetries: 0 });
});
after(() => gateway.stop());

test("messages: a whole answer, with the decision in the headers and nowhere in the body", async () => {
  const { data, response, request_id } = await client.messages.create(france).withResponse();

  assert.equal(data.content[0].text, "The capital of France is Paris.");
  assert.equal(data.stop_reason, "end_turn");
  assert.deepEqual([data.usage.input_tokens, data.usage.output_tokens], [14, 8]);
  assert.equal(response.headers.get("x-suffice-route"), "frontier");
  assert.equal(response.headers.get("request-id"), response.headers.get("x-request-id"));
  assert.ok(request_id === response.headers.get("request-id"));
  assert.equal(data.suffice, undefined);
});

test("messages: a local task answers through the small model", async () => {
  const { data, response } = await client.messages.create({ model: "suffice/classify_issue", max_tokens: 16,
    messages: [user("[ERROR] COMPILATION ERROR : cannot find symbol class Foo\n[INFO] BUILD FAILURE")] }).withResponse();

  assert.ok(["build", "test", "dependency", "unknown", "security", "access"].includes(data.content[0].text));
  assert.ok(["local", "escalated"].includes(response.headers.get("x-suffice-route")));
});

test("stream: the helper puts the final message together", async () => {
  const stream = client.messages.stream(france);
  const pieces = [];
  stream.on("text", (piece) => pieces.push(piece));
  const final = await stream.finalMessage();

  assert.equal(final.content[0].text, "The capital of France is Paris.");
  assert.equal(pieces.join(""), final.content[0].text);
  assert.ok(pieces.length > 1, "the frontier's tokens pass through as they come");
  assert.deepEqual([final.usage.input_tokens, final.usage.output_tokens], [14, 8]);
});

test("tools: parallel calls come back as tool_use blocks, whole and streamed, and their results are answered", async () => {
  const whole = await client.messages.create(two);
  const streamed = await client.messages.stream(two).finalMessage();

  const calls = whole.content.filter((block) => block.type === "tool_use");
  assert.equal(whole.stop_reason, "tool_use");
  assert.deepEqual(calls.map((call) => [call.name, call.input]), [["get_weather", { city: "Paris" }], ["get_weather", { city: "Rome" }]]);
  assert.deepEqual(streamed.content.map((block) => [block.id, block.name, block.input]), calls.map((call) => [call.id, call.name, call.input]));

  const answer = await client.messages.create({ ...two, messages: [user("ignore"), { role: "assistant", content: whole.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: calls[0].id, content: "the capital of France is warm" },
      { type: "tool_result", tool_use_id: calls[1].id, is_error: true, content: [{ type: "text", text: "no such city" }] }] }] });
  assert.match(answer.content[0].text, /Paris/);
});

test("system, stop sequences and a task named in metadata", async () => {
  const { response } = await client.messages.create({ ...france, system: [{ type: "text", text: "be brief", cache_control: { type: "ephemeral" } }],
    stop_sequences: ["END"], metadata: { user_id: "u1", task: "chat" }, model: "claude-x" }).withResponse();

  assert.equal(response.headers.get("x-suffice-task"), "chat");
});

test("structured output: the schema of output_config is the answer's", async () => {
  const answer = await client.messages.create({ model: "suffice/extract_order", max_tokens: 64, messages: [user("I want three lamps")],
    output_config: { format: { type: "json_schema", schema: { type: "object", required: ["item", "quantity"], additionalProperties: false,
      properties: { item: { type: "string" }, quantity: { type: "integer" } } } } } });

  assert.deepEqual(JSON.parse(answer.content[0].text), { item: "lamp", quantity: 3 });
});

test("count_tokens: an answer that says how it was counted", async () => {
  const { max_tokens, ...question } = two;
  const { data, response } = await client.messages.countTokens(question).withResponse();
  const shorter = await client.messages.countTokens({ model: "suffice/chat", messages: [user("hi")] });

  assert.ok(data.input_tokens > shorter.input_tokens && shorter.input_tokens > 0);
  assert.equal(response.headers.get("x-suffice-token-count"), "estimate");
});

test("count_tokens: the small model's own tokenizer counts for a task that it answers first", async () => {
  const question = { model: "suffice/classify_issue", messages: [user("[ERROR] COMPILATION ERROR : cannot find symbol class Foo\n[INFO] BUILD FAILURE")] };
  const { data, response } = await client.messages.countTokens(question).withResponse();
  const stopped = await client.messages.countTokens({ ...question, messages: [user("401 Unauthorized from the registry")] }).withResponse();
  const answer = await client.messages.create({ ...question, max_tokens: 16 }).withResponse();
  const attempt = JSON.parse(gateway.audit("show", answer.response.headers.get("x-request-id"), "--json").out).attempts[0];

  assert.equal(response.headers.get("x-suffice-token-count"), "exact");
  assert.equal(data.input_tokens, attempt.usage.input_tokens, "what was announced is what was computed");
  assert.equal(stopped.response.headers.get("x-suffice-token-count"), "estimate", "it would go to the frontier, which cannot count");
});

test("models: Anthropic's list and pages for Anthropic's clients, OpenAI's for the others", async () => {
  const ids = [];
  for await (const model of client.models.list({ limit: 2 })) ids.push(model.id);
  assert.deepEqual(ids.sort(), ["suffice/auto", "suffice/chat", "suffice/classify_issue", "suffice/extract_order"]);
  assert.equal((await client.models.retrieve("suffice/chat")).display_name, "suffice/chat");
  await assert.rejects(client.models.retrieve("nope"), Anthropic.NotFoundError);

  const openai = await (await fetch(`${gateway.url}/v1/models`)).json();
  assert.equal(openai.object, "list");
});

test("models: pages go forwards and backwards, and a wrong cursor is named", async () => {
  const page = async (query) => (await fetch(`${gateway.url}/v1/models?${query}`, { headers: version })).json();
  const first = await page("limit=2");
  const second = await page(`limit=2&after_id=${encodeURIComponent(first.last_id)}`);
  const back = await page(`limit=2&before_id=${encodeURIComponent(second.first_id)}`);

  assert.deepEqual([first.has_more, second.has_more], [true, false]);
  assert.deepEqual(back.data, first.data);
  assert.match((await page("limit=0")).error.message, /limit/);
  assert.match((await page("after_id=nope")).error.message, /after_id/);
});

test("keys: x-api-key and Bearer are both taken", async () => {
  for (const headers of [{ "x-api-key": "k" }, { authorization: "Bearer k" }])
    assert.equal((await gateway.post("/v1/messages", france, { ...version, ...headers })).status, 200);
});

test("errors: the SDK raises its own classes, in the vendor's words, naming the field", async () => {
  const { max_tokens, ...missing } = france;
  await assert.rejects(client.messages.create(missing), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.equal(error.error.error.type, "invalid_request_error");
    assert.match(error.message, /max_tokens/);
    assert.ok(error.requestID);
    return true;
  });
  await assert.rejects(client.messages.create({ ...france, thinking: { type: "enabled", budget_tokens: 1024 }, container: "c" }), /container/);
  await assert.rejects(client.messages.create({ ...france, messages: [user("fail please")] }), Anthropic.InternalServerError);
  await assert.rejects(client.messages.stream({ ...france, messages: [user("fail please")] }).finalMessage(), Anthropic.InternalServerError);
});

test("shapes: every body, event and error fits the vendor's schema", async () => {
  const post = async (body) => gateway.post("/v1/messages", body, version);
  for (const body of [france, weather, two]) {
    fits("message", await (await post(body)).json());
    const events = sseEvents(await (await post({ ...body, stream: true })).text());
    for (const { event, data } of events) assert.equal(fits("stream_event", data).type, event);
    assert.deepEqual([events.at(0).event, events.at(-1).event], ["message_start", "message_stop"]);
  }
  fits("model_list", await (await fetch(`${gateway.url}/v1/models`, { headers: version })).json());
  fits("model", await (await fetch(`${gateway.url}/v1/models/suffice/chat`, { headers: version })).json());
  fits("token_count", await (await gateway.post("/v1/messages/count_tokens", { model: "m", messages: [user("hi")] }, version)).json());

  const errors = [[400, await post("{")], [400, await post({ ...france, messages: [] })], [404, await fetch(`${gateway.url}/v1/nothing`, { headers: version })],
    [405, await fetch(`${gateway.url}/v1/messages`, { headers: version })], [500, await post({ ...france, messages: [user("fail please")] })]];
  for (const [status, answer] of errors) {
    assert.equal(Math.min(answer.status, 500), status);
    fits("error", await answer.json());
    assert.ok(answer.headers.get("request-id"));
  }
});
