// The sixteen provider faults of the public failoverbench catalogue, each with what the caller must see and the event it must leave.
// Real sockets, the real binary, and a provider that breaks on purpose in front of a second one that is well.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FaultyUpstream, failure, hang, reset, sse, wholeAnswer, words } from "./faulty_upstream.mjs";
import { Gateway, user } from "./gateway.mjs";

const whole = words.join(" ");

// `solo` asks the faulty provider alone; `laddered` may go on to the healthy one.
const policyFor = (faulty, healthy) => `version: 1
models:
  primary:
    provider: openai
    model: primary-model
    endpoint: ${faulty.url}
    price: {input: 1, output: 2}
    timeouts: {connect: 1s, first_token: 600ms, idle: 600ms, total: 2s}
    retries: {attempts_max: 3, backoff_first: 10ms, backoff_max: 40ms}
  backup:
    provider: openai
    model: backup-model
    endpoint: ${healthy.url}
    price: {input: 10, output: 20}
    retries: {attempts_max: 1}
frontier: primary
tasks:
  solo: {description: one provider, owner: tests, local: no, tiers: [primary], on_frontier_unavailable: error}
  laddered: {description: two providers, owner: tests, local: no, tiers: [primary, backup], on_frontier_unavailable: error}
`;

// Runs `body` between a provider that follows `script` and a healthy one.
async function against(t, script, body, healthyScript = (_, request) => wholeAnswer(request)) {
  const faulty = await FaultyUpstream.start(script);
  const healthy = await FaultyUpstream.start(healthyScript);
  const folder = mkdtempSync(join(tmpdir(), "suffice-faults-"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, policyFor(faulty, healthy));
  const gateway = await Gateway.start({ policy });
  t.after(async () => {
    await gateway.stop();
    await faulty.stop();
    await healthy.stop();
    rmSync(folder, { recursive: true });
  });
  const ask = (task, extra = {}) => gateway.post("/v1/chat/completions", { model: `suffice/${task}`, messages: [user("say sixty words")], ...extra });
  await body({ ask, faulty, healthy, gateway });
}

const stream = { stream: true, stream_options: { include_usage: true } };
const content = async (response) => (await response.json()).choices[0].message.content;
const eventOf = (gateway, response) => JSON.parse(gateway.audit("show", response.headers.get("x-suffice-event-id"), "--json").out);
const attemptErrors = (event) => event.attempts.map((attempt) => attempt.error ?? "");

// What came of a stream: its text, whether the client may take it for a whole answer, and the error it was told.
async function read(response) {
  let text = "";
  let cut = false;
  try {
    for await (const piece of response.body) text += Buffer.from(piece).toString();
  } catch {
    cut = true;
  }
  const events = text.split("\n\n").filter((one) => one.startsWith("data: ")).map((one) => one.slice(6));
  const objects = events.filter((one) => one !== "[DONE]").map((one) => JSON.parse(one));
  return {
    said: objects.flatMap((one) => one.choices ?? []).map((choice) => choice.delta.content ?? "").join(""),
    error: objects.find((one) => one.error)?.error,
    whole: !cut && events.at(-1) === "[DONE]",
    finish: objects.flatMap((one) => one.choices ?? []).map((choice) => choice.finish_reason).find((reason) => reason),
    usage: objects.map((one) => one.usage).findLast((usage) => usage),
  };
}

test("no fault: the first tier answers and the second is never asked", (t) =>
  against(t, (_, request) => wholeAnswer(request), async ({ ask, healthy }) => {
    const response = await ask("laddered");
    assert.equal(await content(response), whole);
    assert.equal(response.headers.get("x-suffice-model"), "primary");
    assert.ok((await read(await ask("laddered", stream))).whole);
    assert.equal(healthy.requests.length, 0);
  }));

test("fault 1, 429 with Retry-After: waits as long as it says, then answers", (t) =>
  against(t, (n, request) => (n === 0 ? failure(429, "slow down", { type: "rate_limit_error" }, { "retry-after": "1" }) : wholeAnswer(request)),
    async ({ ask, faulty, gateway }) => {
      const began = performance.now();
      const response = await ask("solo");
      assert.equal(response.status, 200);
      assert.equal(await content(response), whole);
      assert.ok(performance.now() - began >= 1000, "Retry-After outranks the backoff of milliseconds");
      assert.equal(faulty.requests.length, 2);
      assert.equal(eventOf(gateway, response).outcome, "ok");
    }));

test("fault 2, 429 for good: the caller sees 429 with its Retry-After, or the next tier's answer", (t) =>
  against(t, () => failure(429, "quota", { type: "rate_limit_error" }, { "retry-after": "30" }), async ({ ask, gateway }) => {
    const alone = await ask("solo");
    assert.equal(alone.status, 429);
    assert.equal(alone.headers.get("retry-after"), "30");
    assert.equal(eventOf(gateway, alone).outcome, "rate_limited");
    const laddered = await ask("laddered");
    assert.equal(await content(laddered), whole);
    assert.equal(laddered.headers.get("x-suffice-model"), "backup");
    assert.deepEqual(attemptErrors(eventOf(gateway, laddered)), ["rate_limited", ""]);
  }));

test("fault 3, one 500: asked again, the caller notices nothing", (t) =>
  against(t, (n, request) => (n === 0 ? failure(500, "oops") : wholeAnswer(request)), async ({ ask, faulty }) => {
    const response = await ask("solo");
    assert.equal(await content(response), whole);
    assert.equal(faulty.requests.length, 2);
  }));

test("fault 4, 503 for good: three attempts, then 502, or the next tier's answer", (t) =>
  against(t, () => failure(503, "down"), async ({ ask, faulty, gateway }) => {
    const alone = await ask("solo");
    assert.equal(alone.status, 502);
    assert.equal((await alone.json()).error.code, "upstream_failed");
    assert.equal(faulty.requests.length, 3);
    assert.equal(eventOf(gateway, alone).route, "refused");
    assert.equal(await content(await ask("laddered")), whole);
  }));

test("fault 5, reset before the headers: asked again", (t) =>
  against(t, (n, request) => (n === 0 ? reset : wholeAnswer(request)), async ({ ask, faulty }) => {
    assert.equal(await content(await ask("solo")), whole);
    assert.equal(faulty.requests.length, 2);
  }));

test("fault 6, no response at all: 504 after the first-token time-out, or the next tier's answer", (t) =>
  against(t, () => hang, async ({ ask, faulty, gateway }) => {
    const alone = await ask("solo", stream);
    assert.equal(alone.status, 504);
    assert.equal((await alone.json()).error.code, "first_token_timeout");
    assert.equal(faulty.requests.length, 1, "a caller that has waited is not made to wait again for the same");
    assert.deepEqual(attemptErrors(eventOf(gateway, alone)), ["first_token_timeout"]);
    const unstreamed = await ask("solo");  // its first byte comes with its last: only the total time-out can end it
    assert.equal(unstreamed.status, 504);
    assert.equal((await unstreamed.json()).error.code, "deadline_exceeded");
    assert.equal(await content(await ask("laddered")), whole);
  }));

test("fault 7, a slow first token: the stream moves to the next tier before a byte is committed", (t) =>
  against(t, () => (socket) => socket.write(sse.head), async ({ ask, gateway }) => {
    const response = await ask("laddered", stream);
    const seen = await read(response);
    assert.equal(seen.said.trim(), whole);
    assert.ok(seen.whole);
    assert.equal(eventOf(gateway, response).served_model, "backup");
  }));

test("fault 8, a stream cut at 40 of 60: never delivered as a success", (t) =>
  against(t, () => (socket) => {
    socket.write(sse.head + sse.piece(sse.begin + words.slice(0, 40).map(sse.word).join("")), () => socket.destroy());
  }, async ({ ask, faulty, gateway }) => {
    const response = await ask("solo", stream);
    const seen = await read(response);
    assert.equal(seen.said.trim(), words.slice(0, 40).join(" "));
    assert.equal(seen.whole, false);
    assert.equal(seen.finish, undefined);
    assert.equal(seen.error.code, "connection_closed");
    assert.equal(faulty.requests.length, 1, "nothing is sent again once the caller has seen a token");
    assert.equal(eventOf(gateway, response).outcome, "connection_closed");
    const restarted = await read(await ask("laddered", stream));  // nothing was committed yet: begun anew on the next tier
    assert.equal(restarted.said.trim(), whole);
    assert.ok(restarted.whole);
  }));

test("fault 9, a stall in the middle: ended by the idle time-out, as an error", (t) =>
  against(t, () => (socket) => socket.write(sse.head + sse.piece(sse.begin + sse.word("one"))), async ({ ask, gateway }) => {
    const response = await ask("solo", stream);
    const seen = await read(response);
    assert.equal(seen.whole, false);
    assert.equal(seen.error.code, "idle_timeout");
    assert.equal(eventOf(gateway, response).outcome, "idle_timeout");
    assert.equal((await read(await ask("laddered", stream))).said.trim(), whole);
  }));

test("fault 10, a malformed chunk: an error, not a guess", (t) =>
  against(t, () => sse.head + sse.piece(`${sse.begin}data: {"choices": [{"delta": {"content": \n\n`) + sse.end, async ({ ask, gateway }) => {
    const response = await ask("solo", stream);
    const seen = await read(response);
    assert.equal(seen.whole, false);
    assert.equal(eventOf(gateway, response).outcome, "protocol_error");
  }));

test("fault 11, a missing [DONE] after the finish reason: a whole answer, and the caller gets its [DONE]", (t) =>
  against(t, () => sse.head + sse.piece(sse.begin + words.map(sse.word).join("") + sse.stop) + sse.end, async ({ ask }) => {
    const seen = await read(await ask("solo", stream));
    assert.equal(seen.said.trim(), whole);
    assert.equal(seen.finish, "stop");
    assert.ok(seen.whole);
  }));

test("fault 12, context length: 400 at once; the same size is never sent again", (t) =>
  against(t, () => failure(400, "This model's maximum context length is 8192 tokens", { type: "invalid_request_error", code: "context_length_exceeded" }),
    async ({ ask, faulty, gateway }) => {
      const response = await ask("solo");
      assert.equal(response.status, 400);
      assert.equal((await response.json()).error.code, "context_overflow");
      assert.equal(faulty.requests.length, 1);
      assert.equal(eventOf(gateway, response).outcome, "context_overflow");
    }));

test("fault 13, content filter: passed on, never routed around", (t) =>
  against(t, () => failure(400, "The response was filtered", { type: "invalid_request_error", code: "content_filter" }), async ({ ask, healthy, gateway }) => {
    const response = await ask("laddered");
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error.code, "content_filtered");
    assert.equal(healthy.requests.length, 0);
    assert.equal(eventOf(gateway, response).outcome, "content_filtered");
  }));

test("fault 14, a fallback that rejects prefill: gets the caller's own messages, none of the model's", (t) =>
  against(t, () => failure(503, "down"), async ({ ask, healthy }) => {
    assert.equal(await content(await ask("laddered")), whole);
    assert.equal(healthy.requests[0].body.messages.at(-1).role, "user");
  }, (_, request) => (request.body.messages.at(-1).role === "assistant" ? failure(400, "prefill is not supported") : wholeAnswer(request))));

test("fault 15, flapping: left alone after five failures, used again within 30 seconds of being well", (t) => {
  let well = false;
  return against(t, (_, request) => (well ? wholeAnswer(request) : failure(500, "flapping")), async ({ ask, faulty }) => {
    for (let i = 0; i < 3; i += 1) assert.equal(await content(await ask("laddered")), whole);
    const asked = faulty.requests.length;
    assert.equal((await ask("solo")).status, 503);
    assert.equal(faulty.requests.length, asked, "an open breaker asks nobody");
    well = true;
    const back = performance.now();
    let status;
    do status = (await ask("solo")).status; while (status !== 200 && performance.now() - back < 30_000);
    assert.equal(status, 200);
  });
});

test("fault 16, accounting: model, usage and cost are the fallback's", (t) =>
  against(t, () => failure(503, "down"), async ({ ask, gateway }) => {
    const response = await ask("laddered");
    const body = await response.json();
    assert.equal(response.headers.get("x-suffice-model"), "backup");
    assert.equal(body.suffice.model, "backup");
    assert.equal(body.usage.total_tokens, 18);
    const event = eventOf(gateway, response);
    assert.equal(event.served_model, "backup");
    assert.equal(event.attempts.at(-1).cost_nanodollars, 11 * 10_000 + 7 * 20_000);
    const streamed = await read(await ask("laddered", stream));
    assert.equal(streamed.usage.total_tokens, 71);
  }));

test("a caller that leaves: the upstream's connection is closed at once", (t) =>
  against(t, () => (socket) => socket.write(sse.head + sse.piece(sse.begin + sse.word("one"))), async ({ gateway, faulty }) => {
    const leave = new AbortController();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", signal: leave.signal, headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "suffice/solo", messages: [user("say sixty words")], stream: true }) });
    await response.body.getReader().read();
    const left = performance.now();
    leave.abort();
    await faulty.requests[0].closed;
    t.diagnostic(`closed after ${Math.round(performance.now() - left)} ms`);
  }));
