// A model server of OpenAI's dialect with a script: what it answers depends on what it is asked, and it keeps what it was sent.
import { createServer } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const lastUser = (body) => {
  const content = body.messages.findLast((message) => message.role === "user").content;
  return typeof content === "string" ? content : content.map((part) => part.text ?? "").join(" ");
};
const call = (id, city) => ({ id, type: "function", function: { name: "get_weather", arguments: JSON.stringify({ city }) } });

/** What the model says: {content, tool_calls, refusal, finish, broken}. */
const script = (body) => {
  const asked = lastUser(body);
  const results = body.messages.filter((message) => message.role === "tool");
  if (results.length > 0) return { content: `It is ${results.map((message) => text(message)).join(" and ")}.` };
  if (body.tools?.length && asked.includes("two cities")) return { tool_calls: [call("call_1", "Paris"), call("call_2", "Rome")] };
  if (body.tools?.length && asked.includes("weather")) return { content: "Let me look.", tool_calls: [call("call_1", "Paris")] };
  // How the AI SDK asks an Anthropic model it does not know for an object: by a tool that must be called.
  if (body.tool_choice?.function?.name === "json")
    return { tool_calls: [{ id: "call_1", type: "function", function: { name: "json", arguments: '{"item":"lamp","quantity":3}' } }] };
  if (body.response_format?.type === "json_schema") return { content: '{"item":"lamp","quantity":3}' };
  if (asked.includes("long")) return { content: "Once upon a", finish: "length" };
  if (asked.includes("forbidden")) return { refusal: "I cannot help with that." };
  if (asked.includes("break")) return { content: "The capital of", broken: true };
  return { content: "The capital of France is Paris." };
};
const text = (message) => typeof message.content === "string" ? message.content : message.content.map((part) => part.text).join("");
const usage = { prompt_tokens: 14, completion_tokens: 8, total_tokens: 22 };
const logprobs = (content) => ({ content: [{ token: content, logprob: -0.25, bytes: [...Buffer.from(content)], top_logprobs: [] }], refusal: null });

export class Upstream {
  static async start() {
    const upstream = new Upstream();
    upstream.seen = [];
    upstream.server = createServer((request, response) => upstream.answer(request, response)).listen(0, "127.0.0.1");
    await once(upstream.server, "listening");
    upstream.folder = mkdtempSync(join(tmpdir(), "suffice-upstream-"));
    upstream.policy = join(upstream.folder, "policy.yaml");
    return upstream;
  }

  get endpoint() { return `http://127.0.0.1:${this.server.address().port}/v1`; }

  /** A policy file whose frontier is this server. */
  writePolicy(more = "") {
    writeFileSync(this.policy, `version: 1
models:
  upstream: {provider: openai, model: scripted, endpoint: "${this.endpoint}", retries: {attempts_max: 1}, price: {input: 1, output: 2}}
${more}frontier: upstream
tasks:
  chat: {description: free chat, local: no, tiers: [upstream]}
`);
    return this.policy;
  }

  async answer(request, response) {
    let text = "";
    for await (const piece of request) text += piece;
    const body = JSON.parse(text);
    this.seen.push({ path: request.url, body });
    if (request.url.endsWith("/embeddings")) return this.embed(body, response);
    const say = script(body);
    const finish = say.finish ?? (say.tool_calls ? "tool_calls" : "stop");
    const head = { id: "chatcmpl-1", created: 1, model: "scripted" };
    if (!body.stream) {
      if (say.broken) return request.socket.destroy();
      response.setHeader("content-type", "application/json");
      const message = { role: "assistant", content: say.content ?? null, refusal: say.refusal ?? null };
      if (say.tool_calls) message.tool_calls = say.tool_calls;
      response.end(JSON.stringify({ ...head, object: "chat.completion", usage, choices: [{ index: 0, message,
        logprobs: body.logprobs && say.content ? logprobs(say.content) : null, finish_reason: finish }] }));
      return;
    }
    response.setHeader("content-type", "text/event-stream");
    const send = (delta, finish_reason = null, extra = {}) => response.write(`data: ${JSON.stringify({ ...head,
      object: "chat.completion.chunk", choices: [{ index: 0, delta, logprobs: null, finish_reason, ...extra }] })}\n\n`);
    send({ role: "assistant", content: "" });
    for (const word of (say.content ?? "").match(/\S+\s*/g) ?? []) send({ content: word }, null, body.logprobs ? { logprobs: logprobs(word) } : {});
    for (const word of (say.refusal ?? "").match(/\S+\s*/g) ?? []) send({ refusal: word });
    if (say.broken) {
      await new Promise((flushed) => response.write(": the last bytes\n\n", flushed));
      return request.socket.destroy();
    }
    (say.tool_calls ?? []).forEach((one, index) => {
      send({ tool_calls: [{ index, id: one.id, type: "function", function: { name: one.function.name, arguments: "" } }] });
      for (const letter of one.function.arguments) send({ tool_calls: [{ index, function: { arguments: letter } }] });
    });
    send({}, finish);
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage })}\n\n`);
    response.end("data: [DONE]\n\n");
  }

  // The vector of a text: its length, then how many of its letters are vowels, then 0.5.
  embed(body, response) {
    const vector = (text) => [text.length, (text.match(/[aeiou]/g) ?? []).length, 0.5];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", model: body.model, usage: { prompt_tokens: 5, total_tokens: 5 },
      data: body.input.map((one, index) => ({ object: "embedding", index, embedding: vector(one) })) }));
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
