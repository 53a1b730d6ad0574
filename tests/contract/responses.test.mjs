// POST /v1/responses: the official SDK, two major versions of it and unmodified, and the published shapes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI4 from "openai";
import { zodTextFormat as zodTextFormat4 } from "openai/helpers/zod";
import OpenAILatest from "openai-latest";
import { zodTextFormat as zodTextFormatLatest } from "openai-latest/helpers/zod";
import { z } from "zod";
import { Gateway } from "./gateway.mjs";
import { shapes, sseEvents } from "./shapes.mjs";
import { Upstream } from "./upstream.mjs";

const fits = shapes("openai");
let upstream;
let gateway;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ policy: upstream.writePolicy() });
});
after(async () => {
  await gateway?.stop();
  upstream?.stop();
});

const model = "suffice/chat";
const tools = [{ type: "function", name: "get_weather", description: "Weather of a city", strict: true, parameters: { type: "object",
  properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } }];
const sent = () => upstream.seen.at(-1).body;

for (const [version, OpenAI, zodTextFormat] of [["4", OpenAI4, zodTextFormat4], ["6", OpenAILatest, zodTextFormatLatest]]) {
  const connect = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });

  test(`openai ${version}: create answers with text, usage and the decision`, async () => {
    const { data, response } = await connect().responses.create({ model, instructions: "be brief", input: "What is the capital of France?",
      max_output_tokens: 50, temperature: 0.5, metadata: { trace: "a" } }).withResponse();

    fits("Response", JSON.parse(JSON.stringify({ ...data, output_text: undefined, _request_id: undefined })));
    assert.equal(data.output_text, "The capital of France is Paris.");
    assert.equal(data.status, "completed");
    assert.equal(data.usage.input_tokens, 14);
    assert.equal(data.usage.output_tokens, 8);
    assert.equal(data.instructions, "be brief");
    assert.equal(data.max_output_tokens, 50);
    assert.equal(response.headers.get("x-suffice-route"), "frontier");
    assert.equal(data.suffice.route, "frontier");
    assert.deepEqual(sent().messages, [{ role: "system", content: "be brief" }, { role: "user", content: "What is the capital of France?" }]);
    assert.equal(sent().max_tokens ?? sent().max_completion_tokens, 50);
  });

  test(`openai ${version}: stream adds up to the whole answer`, async () => {
    const stream = connect().responses.stream({ model, input: "What is the capital of France?" });
    let text = "";
    stream.on("response.output_text.delta", (event) => { text += event.delta; });
    const final = await stream.finalResponse();

    assert.equal(text, "The capital of France is Paris.");
    assert.equal(final.output[0].content[0].text, text);
    assert.equal(final.status, "completed");
    assert.equal(final.usage.total_tokens, 22);
  });

  test(`openai ${version}: parse reads structured output`, async () => {
    const order = z.object({ item: z.string(), quantity: z.number() });
    const parsed = await connect().responses.parse({ model, input: "I want three lamps", text: { format: zodTextFormat(order, "order") } });

    assert.deepEqual(parsed.output_parsed, { item: "lamp", quantity: 3 });
    assert.equal(sent().response_format.json_schema.name, "order");
    assert.equal(sent().response_format.json_schema.strict, true);
  });

  test(`openai ${version}: tools are proposed, run by the caller, and answered`, async () => {
    const client = connect();
    const input = [{ role: "user", content: "What is the weather in two cities?" }];
    const first = await client.responses.create({ model, tools, input });
    const calls = first.output.filter((item) => item.type === "function_call");
    assert.deepEqual(calls.map((one) => [one.call_id, one.arguments]), [["call_1", '{"city":"Paris"}'], ["call_2", '{"city":"Rome"}']]);

    input.push(...first.output, ...calls.map((one) => ({ type: "function_call_output", call_id: one.call_id, output: one.call_id })));
    const second = await client.responses.create({ model, tools, input });
    assert.equal(second.output_text, "It is call_1 and call_2.");
    assert.deepEqual(sent().messages.map((message) => message.role), ["user", "assistant", "tool", "tool"]);
    assert.equal(sent().messages[1].tool_calls.length, 2);
  });

  test(`openai ${version}: a streamed tool call is put together by the SDK`, async () => {
    const stream = connect().responses.stream({ model, tools, input: "What is the weather in Paris?" });
    const done = [];
    stream.on("response.function_call_arguments.done", (event) => done.push(event.arguments));
    const final = await stream.finalResponse();

    assert.deepEqual(done, ['{"city":"Paris"}']);
    assert.equal(final.output[0].content[0].text, "Let me look.");
    assert.equal(final.output[1].arguments, '{"city":"Paris"}');
  });

  test(`openai ${version}: an upstream that breaks off in the middle is an error, never an answer`, async () => {
    await assert.rejects(connect().responses.stream({ model, input: "break please" }).finalResponse());
    await assert.rejects(connect().responses.create({ model, input: "break please" }), OpenAI.APIError);
  });

  test(`openai ${version}: what cannot be honoured is a BadRequestError naming the field`, async () => {
    const client = connect();
    for (const [extra, param] of [[{ store: true }, "store"], [{ previous_response_id: "resp_1" }, "previous_response_id"],
      [{ background: true }, "background"], [{ tools: [{ type: "web_search_preview" }] }, "tools[0].type"], [{ truncation: "auto" }, "truncation"]]) {
      await assert.rejects(client.responses.create({ model, input: "hi", ...extra }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.equal(error.param, param);
        return true;
      });
    }
  });
}

const raw = (body) => gateway.post("/v1/responses", { model, ...body });

for (const [name, body, status] of [
  ["text", { input: "What is the capital of France?" }, "completed"],
  ["a call", { input: "What is the weather in Paris?", tools, tool_choice: "auto" }, "completed"],
  ["two calls", { input: "What is the weather in two cities?", tools, parallel_tool_calls: true }, "completed"],
  ["a refusal", { input: "something forbidden" }, "completed"],
  ["log-probabilities", { input: "hi", include: ["message.output_text.logprobs"], top_logprobs: 1 }, "completed"],
  ["an answer cut by its limit", { input: "a long story", max_output_tokens: 16 }, "incomplete"],
  ["structured output", { input: "lamps", text: { format: { type: "json_schema", name: "s", schema: { type: "object" } } } }, "completed"],
]) {
  test(`shapes: ${name}, whole and streamed, is what OpenAI publishes`, async () => {
    const whole = await (await raw(body)).json();
    fits("Response", whole);
    assert.equal(whole.status, status);

    const events = sseEvents(await (await raw({ ...body, stream: true })).text());
    const objects = events.map(({ event, data }) => {
      assert.equal(data.type, event);
      return fits("StreamEvent", data);
    });
    assert.deepEqual(objects.map((object) => object.sequence_number), objects.map((_, index) => index));
    assert.equal(objects.at(-1).type, `response.${status}`);
    const bare = (response) => response.output.map(({ id, ...item }) => ({ ...item,
      content: item.content?.map(({ logprobs, ...part }) => part) }));
    assert.deepEqual(bare(objects.at(-1).response), bare(whole));
  });
}

test("shapes: an error inside a stream is the published event, then response.failed, then a broken connection", async () => {
  const answer = await raw({ input: "break please", stream: true });
  let text = "";
  await assert.rejects(async () => {
    const decoder = new TextDecoder();
    for await (const piece of answer.body) text += decoder.decode(piece, { stream: true });
  });
  const objects = sseEvents(text).map(({ data }) => data);
  for (const object of objects) fits("StreamEvent", object);
  assert.deepEqual(objects.slice(-2).map((object) => object.type), ["error", "response.failed"]);
  assert.equal(objects.at(-1).response.status, "failed");
});

test("items of an answer can be referred to, unless nothing may be kept", async () => {
  for (const [store, status] of [[undefined, 200], [false, 400]]) {
    const first = await (await raw({ input: "What is the weather in Paris?", tools, store })).json();
    const second = await raw({ tools, store, input: [{ role: "user", content: "What is the weather in Paris?" },
      ...first.output.map(({ id }) => ({ type: "item_reference", id })),
      { type: "function_call_output", call_id: "call_1", output: "21 degrees" }] });
    assert.equal(second.status, status);
    const body = await second.json();
    if (status === 200) assert.equal(body.output[0].content[0].text, "It is 21 degrees.");
    else assert.equal(body.error.param, "input[1].id");
  }
});

test("the record knows the surface", () => {
  const line = gateway.audit("tail", "--json").out.trim().split("\n").at(-1);
  assert.match(line, /openai\.responses/);
});
