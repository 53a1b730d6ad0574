// Every answer and every event of chat completions and models against OpenAI's published shapes, whatever stands behind.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Gateway, user } from "./gateway.mjs";
import { shapes } from "./shapes.mjs";
import { Upstream } from "./upstream.mjs";

const fits = shapes("openai");
const weather = { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } };

let recorded;
let upstream;
let hosted;
before(async () => {
  recorded = await Gateway.start();
  await recorded.modelsReady();
  upstream = await Upstream.start();
  hosted = await Gateway.start({ policy: upstream.writePolicy() });
});
after(async () => {
  await recorded.stop();
  await hosted.stop();
  await upstream.stop();
});

const cases = [
  ["a local label", () => recorded, { model: "suffice/classify_issue", messages: [user("[ERROR] COMPILATION ERROR : cannot find symbol class Foo\n[INFO] BUILD FAILURE")] }],
  ["a local label with log-probabilities", () => recorded, { model: "suffice/classify_issue", logprobs: true, top_logprobs: 2, messages: [user("cannot find symbol class Foo")] }],
  ["a hard stop", () => recorded, { model: "suffice/classify_issue", messages: [user("401 Unauthorized")] }],
  ["text", () => hosted, { messages: [user("What is the capital of France?")] }],
  ["log-probabilities", () => hosted, { messages: [user("What is the capital of France?")], logprobs: true }],
  ["one tool call beside text", () => hosted, { messages: [user("the weather?")], tools: [weather] }],
  ["parallel tool calls", () => hosted, { messages: [user("the weather in two cities?")], tools: [weather] }],
  ["a length limit", () => hosted, { messages: [user("something long")] }],
  ["a refusal", () => hosted, { messages: [user("something forbidden")] }],
  ["an object", () => hosted, { messages: [user("order a lamp")], response_format: { type: "json_schema", json_schema: { name: "o", schema: { type: "object" } } } }],
];

for (const [name, gateway, body] of cases) {
  const asked = { model: "suffice/chat", ...body };

  test(`chat completion: ${name}`, async () => {
    const answer = await gateway().post("/v1/chat/completions", asked);
    assert.equal(answer.status, 200);
    fits("ChatCompletion", await answer.json());
  });

  test(`chat completion chunks: ${name}`, async () => {
    const answer = await gateway().post("/v1/chat/completions", { ...asked, stream: true, stream_options: { include_usage: true } });
    const events = (await answer.text()).split("\n\n").filter((event) => event.startsWith("data: ")).map((event) => event.slice(6));
    assert.equal(events.pop(), "[DONE]");
    const chunks = events.map((event) => fits("ChatChunk", JSON.parse(event)));
    assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1, "one id for all");
    assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1, "one end");
    assert.deepEqual(chunks.at(-1).choices, [], "usage comes last, in a chunk of its own");
    fits("ChatUsage", chunks.at(-1).usage);
  });
}

test("models: the list and one of it", async () => {
  fits("ModelList", await (await fetch(`${recorded.url}/v1/models`)).json());
  fits("Model", await (await fetch(`${recorded.url}/v1/models/suffice%2Fchat`)).json());
});

const wrong = [
  ["no JSON", "POST", "/v1/chat/completions", "{", 400],
  ["no messages", "POST", "/v1/chat/completions", { model: "m" }, 400],
  ["an unknown path", "GET", "/v1/nothing", undefined, 404],
  ["a wrong method", "GET", "/v1/chat/completions", undefined, 405],
  ["an unknown model", "GET", "/v1/models/nothing", undefined, 404],
];
for (const [name, method, path, body, status] of wrong) {
  test(`error: ${name}`, async () => {
    const answer = body === undefined ? await fetch(`${recorded.url}${path}`, { method }) : await recorded.post(path, body);
    assert.equal(answer.status, status);
    fits("Error", await answer.json());
  });
}
