// Vercel's AI SDK, unmodified, with its OpenAI provider (its default, which is the Responses API, and chat completions) and its
// Anthropic provider, all answered by one upstream of OpenAI's dialect.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { Gateway } from "./gateway.mjs";
import { Upstream } from "./upstream.mjs";

let upstream;
let gateway;
let openai;
let anthropic;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ policy: upstream.writePolicy() });
  openai = createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none" });
  anthropic = createAnthropic({ baseURL: `${gateway.url}/v1`, apiKey: "none" });
});
after(async () => {
  await gateway?.stop();
  upstream?.stop();
});

const cities = () => {
  const asked = [];
  const get_weather = tool({ description: "Weather of a city", inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => { asked.push(city); return `21 degrees in ${city}`; } });
  return { asked, tools: { get_weather } };
};

for (const [name, model, keptByProvider] of [
  ["default", () => openai("suffice/chat"), true],
  ["default, store: false", () => openai("suffice/chat"), false],
  ["chat", () => openai.chat("suffice/chat"), false],
  ["anthropic", () => anthropic("suffice/chat"), false],
]) {
  const options = name.includes("store") ? { providerOptions: { openai: { store: false } } } : {};

  test(`${name}: generateText`, async () => {
    const answer = await generateText({ model: model(), system: "be brief", prompt: "What is the capital of France?", maxRetries: 0, ...options });

    assert.equal(answer.text, "The capital of France is Paris.");
    assert.equal(answer.finishReason, "stop");
    assert.equal(answer.usage.inputTokens, 14);
    assert.equal(answer.usage.outputTokens, 8);
    if (name !== "anthropic") assert.deepEqual(answer.warnings, []);  // it warns of every model name that is not one of Anthropic's
  });

  test(`${name}: streamText`, async () => {
    const answer = streamText({ model: model(), prompt: "What is the capital of France?", maxRetries: 0, ...options });
    let text = "";
    let pieces = 0;
    for await (const piece of answer.textStream) { text += piece; pieces += 1; }

    assert.equal(text, "The capital of France is Paris.");
    assert.ok(pieces > 1);
    assert.equal((await answer.usage).totalTokens, 22);
    assert.equal(await answer.finishReason, "stop");
  });

  test(`${name}: a loop of tools, where earlier items come back ${keptByProvider ? "as references" : "whole"}`, async () => {
    const { asked, tools } = cities();
    const answer = await generateText({ model: model(), tools, stopWhen: stepCountIs(3), prompt: "What is the weather in two cities?", maxRetries: 0, ...options });

    assert.deepEqual(asked, ["Paris", "Rome"]);
    assert.equal(answer.steps.length, 2);
    assert.equal(answer.text, "It is 21 degrees in Paris and 21 degrees in Rome.");
    const turn = upstream.seen.at(-1).body.messages[1];
    assert.deepEqual(turn.tool_calls.map((call) => call.function.arguments), ['{"city":"Paris"}', '{"city":"Rome"}']);
  });

  test(`${name}: a streamed loop of tools`, async () => {
    const { asked, tools } = cities();
    const answer = streamText({ model: model(), tools, stopWhen: stepCountIs(3), prompt: "What is the weather in Paris?", maxRetries: 0, ...options });
    let text = "";
    for await (const piece of answer.textStream) text += piece;

    assert.deepEqual(asked, ["Paris"]);
    assert.equal(text, "Let me look.It is 21 degrees in Paris.");
  });

  test(`${name}: generateObject`, async () => {
    const { object } = await generateObject({ model: model(), schema: z.object({ item: z.string(), quantity: z.number() }), prompt: "I want three lamps", maxRetries: 0, ...options });

    assert.deepEqual(object, { item: "lamp", quantity: 3 });
  });

  test(`${name}: an answer that breaks off is an error`, async () => {
    await assert.rejects(generateText({ model: model(), prompt: "break please", maxRetries: 0, ...options }));
    const errors = [];
    const answer = streamText({ model: model(), prompt: "break please", maxRetries: 0, onError: ({ error }) => errors.push(error), ...options });
    await answer.consumeStream({ onError: (error) => errors.push(error) });
    assert.ok(errors.length > 0);
  });
}
