// api/openapi.yaml is a valid description, and a true one: the program serves what it says, where it says, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";
import { Gateway, root, user } from "./gateway.mjs";

const text = readFileSync(join(root, "api/openapi.yaml"), "utf8");
const described = parse(text, { merge: true });
const operations = Object.entries(described.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));

let gateway;
before(async () => { gateway = await Gateway.start(); });
after(() => gateway.stop());

test("openapi: the document is valid OpenAPI 3.1", async () => {
  // The validator follows references within the document only; the next test follows the others.
  const alone = JSON.parse(JSON.stringify(described, (key, value) => (value?.$ref?.includes(".json#") ? {} : value)));
  const result = await new Validator().validate(alone);
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
});

test("openapi: every reference leads somewhere", () => {
  const files = new Map();
  for (const [, file, pointer] of text.matchAll(/\$ref: "([\w.]*)#\/([^"]+)"/g)) {
    if (file !== "" && !files.has(file)) files.set(file, JSON.parse(readFileSync(join(root, "api", file), "utf8")));
    const target = pointer.split("/").reduce((value, name) => value?.[name], file === "" ? described : files.get(file));
    assert.ok(target, `${file}#/${pointer}`);
  }
});

const onAdmin = (operation) => operation.tags.includes("admin");
const ask = (base, { path, method }) => fetch(base + path.replace("{model}", "suffice%2Fauto"),
  { method, headers: { "content-type": "application/json" }, ...(method === "GET" ? {} : { body: "{" }) });

for (const described of operations) {
  const { path, method, operation } = described;

  test(`openapi: ${method} ${path} is there, and on the listener it is said to be on`, async () => {
    const here = await ask(onAdmin(operation) ? gateway.admin_url : gateway.url, described);
    assert.ok(![404, 405].includes(here.status), `answered with ${here.status}`);
    if (!operation.tags.includes("health")) {
      const elsewhere = await ask(onAdmin(operation) ? gateway.url : gateway.admin_url, described);
      assert.equal(elsewhere.status, 404);
    }
  });
}

test("openapi: no endpoint is left out", () => {
  const paths = (file, pattern) => [...readFileSync(join(root, "src/server", file), "utf8").matchAll(pattern)].map(([, path]) => path.replace("/*", "/{model}"));
  const served = [...paths("public_surface.cpp", /\.path = "([^"]+)"/g), ...paths("admin_surface.cpp", /request\.path == "([^"]+)"/g)];
  assert.ok(served.length > 15);
  assert.deepEqual(served.filter((path) => described.paths[path] === undefined), []);
});

test("openapi: what the admin listener answers has the shape it is described with", async () => {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ ...described, $id: "https://suffice.dev/api/openapi" });
  const fits = (name, value) => {
    const validate = ajv.getSchema(`https://suffice.dev/api/openapi#/components/schemas/${name}`);
    assert.ok(validate(value), `${name}: ${JSON.stringify(value)} ${ajv.errorsText(validate.errors)}`);
  };
  const json = { "content-type": "application/json" };
  const decided = await fetch(`${gateway.admin_url}/suffice/v1/decide`, { method: "POST", headers: json,
    body: JSON.stringify({ model: "suffice/classify_issue", messages: [user("403 forbidden")] }) });
  fits("Intention", await decided.json());
  fits("Flags", await (await fetch(`${gateway.admin_url}/suffice/v1/flags`)).json());
  const chat = await gateway.post("/v1/chat/completions", { model: "suffice/chat", messages: [user("What is the capital of France?")] });
  const event_id = chat.headers.get("x-suffice-event-id");
  const post = (path, body) => fetch(`${gateway.admin_url}${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  for (const path of ["/suffice/v1/review", "/suffice/v1/feedback"]) {
    const taken = await post(path, { event_id, label: "escalate", actor: "anna", note: "mail jane@example.com" });
    assert.equal(taken.status, 200);
    assert.ok((await taken.json()).event_id);
    assert.equal((await post(path, { event_id: "00000000-nobody", label: "accept", actor: "anna" })).status, 404);
    assert.equal((await post(path, { event_id, label: "maybe", actor: "anna" })).status, 400);
    assert.equal((await post(path, { event_id, label: "accept", actor: "anna", secret: 1 })).status, 400);
  }
  const listed = async (query) => (await fetch(`${gateway.admin_url}/suffice/v1/audit?${query}`)).json();
  let page = { events: [] };
  while (page.events.length === 0) page = await listed("kind=feedback");
  fits("Events", page);
  assert.equal(page.events[0].event.refers_to, event_id);
  assert.equal(page.events[0].event.note.includes("jane@"), false);
  const first = await listed("order=asc&limit=1");
  assert.equal(first.next, 1);
  assert.equal((await listed(`after=${first.next}&limit=1`)).events[0].sequence, 2);
  assert.equal((await fetch(`${gateway.admin_url}/suffice/v1/audit?limit=0`)).status, 400);
  fits("Shadows", await (await fetch(`${gateway.admin_url}/suffice/v1/shadow`)).json());
  fits("PolicyVersion", await (await fetch(`${gateway.admin_url}/suffice/v1/policy`)).json());
});
