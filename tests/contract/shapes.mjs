// Validates what the gateway answers against the schemas in api/.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { root } from "./gateway.mjs";

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

// fits = shapes("anthropic"); fits("message", value) fails with the places that do not fit.
export function shapes(name) {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true,
    formats: { "date-time": dateTime } });
  const schema = JSON.parse(readFileSync(join(root, `api/${name}.schema.json`), "utf8"));
  ajv.addSchema(schema);
  return (definition, value) => {
    const validate = ajv.getSchema(`${schema.$id}#/$defs/${definition}`);
    assert.ok(validate, `no definition ${definition} in api/${name}.schema.json`);
    assert.ok(validate(value), `${definition}: ${JSON.stringify(value)}\n${ajv.errorsText(validate.errors, { separator: "\n" })}`);
    return value;
  };
}

// The events of an SSE body: [{event, data}], data parsed.
export function sseEvents(body) {
  return body.split("\n\n").filter((block) => block !== "").map((block) => {
    const lines = block.split("\n");
    const of = (field) => lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2)).join("\n");
    return { event: of("event"), data: JSON.parse(of("data")) };
  });
}

export const ndjsonLines = (body) => body.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
