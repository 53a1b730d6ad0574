// Traces and metrics: W3C trace context in and out, OTLP/HTTP to a collector, names of OpenTelemetry's conventions, the Grafana dashboard.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { FaultyUpstream, failure, wholeAnswer } from "./faulty_upstream.mjs";
import { Gateway, root, user } from "./gateway.mjs";

// Keeps what is sent to it, as a collector's OTLP/HTTP receiver does.
class Collector {
  static async start() {
    const collector = new Collector();
    collector.received = { "/v1/traces": [], "/v1/metrics": [] };
    collector.headers = [];
    collector.server = createServer((request, response) => {
      let text = "";
      request.on("data", (piece) => { text += piece; });
      request.on("end", () => {
        collector.headers.push(request.headers);
        collector.received[request.url].push(JSON.parse(text));
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    });
    collector.server.listen(0, "127.0.0.1");
    await once(collector.server, "listening");
    collector.url = `http://127.0.0.1:${collector.server.address().port}`;
    return collector;
  }
  spans() {
    return this.received["/v1/traces"].flatMap((body) => body.resourceSpans).flatMap((one) => one.scopeSpans).flatMap((one) => one.spans);
  }
  metrics() {
    return this.received["/v1/metrics"].at(-1).resourceMetrics[0].scopeMetrics[0].metrics;
  }
}

const attributes = (thing) => Object.fromEntries(thing.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const canary = "zebra-canary-7731";

async function traced(t, script, environment = {}) {
  const upstream = await FaultyUpstream.start(script);
  const collector = await Collector.start();
  const folder = mkdtempSync(join(tmpdir(), "suffice-traces-"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, `version: 1
models:
  up: {provider: openai, model: upstream-model, endpoint: '${upstream.url}', price: {input: 1, output: 2}, retries: {attempts_max: 1}}
  spare: {provider: openai, model: spare-model, endpoint: '${upstream.url}', price: {input: 1, output: 2}, retries: {attempts_max: 1}}
frontier: up
tasks:
  chat: {description: chat, owner: tests, local: no, tiers: [up, spare]}
`);
  const set = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: "x-collector-key=secret-of-the-collector",
    OTEL_SERVICE_NAME: "suffice-test", OTEL_METRIC_EXPORT_INTERVAL: "3600000", ...environment };
  const gateway = await Gateway.start({ policy, env: set });
  t.after(async () => {
    await gateway.stop();
    await upstream.stop();
    collector.server.close();
    rmSync(folder, { recursive: true });
  });
  const ask = (headers = {}) => gateway.post("/v1/chat/completions", { model: "suffice/chat", messages: [user(`hello ${canary}`)] }, headers);
  return { gateway, upstream, collector, ask };
}
const traceparentOf = (request) => /traceparent: (\S+)/i.exec(request.head)?.[1];

test("trace context: the caller's trace goes on to the provider, below the gateway's own spans", async (t) => {
  const { gateway, upstream, collector, ask } = await traced(t, (n, request) => (n === 0 ? failure(500, "down") : wholeAnswer(request)));
  const response = await ask({ traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  assert.equal(response.status, 200);
  const event = JSON.parse(gateway.audit("show", response.headers.get("x-suffice-event-id"), "--json").out);
  assert.equal(event.trace_id, trace);
  await gateway.kill("SIGTERM");  // what is queued is sent at the end

  const spans = collector.spans();
  assert.equal(spans.length, 3);
  const [server, failed, answered] = spans;
  assert.equal(server.traceId, trace);
  assert.equal(server.parentSpanId, "00f067aa0ba902b7");
  assert.equal(server.kind, 2);
  assert.deepEqual([failed.parentSpanId, answered.parentSpanId], [server.spanId, server.spanId]);
  assert.equal(traceparentOf(upstream.requests[0]), `00-${trace}-${failed.spanId}-01`);
  assert.equal(traceparentOf(upstream.requests[1]), `00-${trace}-${answered.spanId}-01`);
  assert.equal(failed.status.code, 2);
  assert.equal(attributes(failed)["error.type"], "upstream_failed");
  assert.deepEqual({ ...attributes(answered), "suffice.accepted": true }, { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "spare", "gen_ai.response.model": "upstream-model", "gen_ai.usage.input_tokens": "11",
    "gen_ai.usage.output_tokens": "7", "suffice.accepted": true });
  assert.ok(BigInt(answered.startTimeUnixNano) >= BigInt(failed.endTimeUnixNano));
  assert.ok(BigInt(answered.endTimeUnixNano) <= BigInt(server.endTimeUnixNano));
});

test("trace context: a caller that does not record is not recorded; one without a trace gets a new one; nonsense counts as none", async (t) => {
  const { gateway, upstream, collector, ask } = await traced(t, (_, request) => wholeAnswer(request));
  await ask({ traceparent: `00-${trace}-00f067aa0ba902b7-00` });
  await ask();
  await ask({ traceparent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01" });
  await gateway.kill("SIGTERM");
  assert.match(traceparentOf(upstream.requests[0]), new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
  const traces = new Set(collector.spans().map((span) => span.traceId));
  assert.equal(traces.size, 2);
  assert.ok(!traces.has(trace));
});

test("OTLP: metrics carry the conventions' names, the resource its service, and nothing carries text or secrets", async (t) => {
  const { gateway, collector, ask } = await traced(t, (_, request) => wholeAnswer(request));
  await ask();
  await gateway.kill("SIGTERM");
  const resource = attributes(collector.received["/v1/traces"][0].resourceSpans[0].resource);
  assert.equal(resource["service.name"], "suffice-test");
  assert.match(resource["service.version"], /^\d+\.\d+\.\d+/);
  const byName = Object.fromEntries(collector.metrics().map((metric) => [metric.name, metric]));
  const usage = byName["gen_ai.client.token.usage"].histogram.dataPoints.find((point) => attributes(point)["gen_ai.token.type"] === "input");
  assert.equal(usage.sum, 11);
  assert.equal(byName["gen_ai.client.token.usage"].unit, "{token}");
  assert.equal(byName["gen_ai.server.request.duration"].histogram.dataPoints[0].count, "1");
  assert.equal(byName.suffice_requests_total.sum.isMonotonic, true);
  assert.ok(collector.headers.every((headers) => headers["x-collector-key"] === "secret-of-the-collector"));
  const everything = JSON.stringify(collector.received) + gateway.log;
  assert.doesNotMatch(everything, new RegExp(`${canary}|secret-of-the-collector`));
});

test("OTLP: a collector that is away costs nothing but its spans, which are counted", async (t) => {
  const { gateway, ask } = await traced(t, (_, request) => wholeAnswer(request), { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_METRIC_EXPORT_INTERVAL: "20" });
  assert.equal((await ask()).status, 200);
  let text;
  do text = await (await fetch(`${gateway.admin_url}/metrics`)).text(); while (!/suffice_otlp_spans_total\{result="failed"\} 2/.test(text));
  assert.equal((await ask()).status, 200);
});

test("OTLP: a wrong setting is one line and exit code 2", async () => {
  await assert.rejects(Gateway.start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" } }), /OTEL_EXPORTER_OTLP_ENDPOINT/);
});

test("Grafana dashboard and Prometheus alerts: every metric they ask for is on the metrics page, with the labels it uses", async (t) => {
  const { gateway, ask } = await traced(t, (_, request) => wholeAnswer(request));
  await ask();
  const page = await (await fetch(`${gateway.admin_url}/metrics`)).text();
  const dashboard = JSON.parse(readFileSync(join(root, "deploy/grafana/suffice.json"), "utf8"));
  const queries = dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr));
  const alerts = parse(readFileSync(join(root, "deploy/prometheus/alerts.yaml"), "utf8")).groups.flatMap((group) => group.rules.map((rule) => rule.expr));
  assert.ok(queries.length >= 12 && alerts.length >= 5);
  queries.push(...alerts);
  for (const query of queries) {
    for (const [, name] of query.matchAll(/\b((?:suffice|gen_ai)_[a-z_]+?)(?:_bucket|_sum|_count)?\b(?=[{[(\s)]|$)/g)) {
      if (/ by \(|by\s*\(/.test(name)) continue;
      const family = name.replace(/_(bucket|sum|count)$/, "");
      const isLabel = page.includes(`${name}="`);
      assert.ok(isLabel || page.includes(`# TYPE ${family} `) || page.includes(`# TYPE ${name} `), `${name} of: ${query}`);
    }
  }
});
