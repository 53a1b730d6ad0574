// @langchain/openai, unmodified: chat completions and the Responses API, tools, structured output, streams.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";
import { Gateway } from "./gateway.mjs";
import { Upstream } from "./upstream.mjs";

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

const weather = tool(async ({ city }) => `21 degrees in ${city}`, { name: "get_weather", description: "Weather of a city", schema: z.object({ city: z.string() }) });

for (const [name, options] of [["chat completions", {}], ["responses", { useResponsesApi: true }]]) {
  const connect = () => new ChatOpenAI({ model: "suffice/chat", apiKey: "none", maxRetries: 0, configuration: { baseURL: `${gateway.url}/v1` }, ...options });

  test(`${name}: invoke`, async () => {
    const answer = await connect().invoke("What is the capital of France?");
    assert.equal(answer.text, "The capital of France is Paris.");
    assert.equal(answer.usage_metadata.input_tokens, 14);
  });

  test(`${name}: stream`, async () => {
    let text = "";
    let pieces = 0;
    for await (const piece of await connect().stream("What is the capital of France?")) { text += piece.text; pieces += 1; }
    assert.equal(text, "The capital of France is Paris.");
    assert.ok(pieces > 1);
  });

  test(`${name}: tools and their results`, async () => {
    const bound = connect().bindTools([weather]);
    const messages = [new HumanMessage("What is the weather in two cities?")];
    const proposed = await bound.invoke(messages);
    assert.deepEqual(proposed.tool_calls.map((call) => call.args), [{ city: "Paris" }, { city: "Rome" }]);

    messages.push(proposed);
    for (const call of proposed.tool_calls) messages.push(new ToolMessage({ content: await weather.invoke(call.args), tool_call_id: call.id }));
    const answer = await bound.invoke(messages);
    assert.equal(answer.text, "It is 21 degrees in Paris and 21 degrees in Rome.");
  });

  test(`${name}: structured output`, async () => {
    const structured = connect().withStructuredOutput(z.object({ item: z.string(), quantity: z.number() }), { name: "order", method: "jsonSchema" });
    assert.deepEqual(await structured.invoke("I want three lamps"), { item: "lamp", quantity: 3 });
  });
}
