// The vendors' published shapes, as validators that say what is wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";

const ajv = new Ajv2020.default({ strict: false, allErrors: true, discriminator: false });
ajv.addSchema(JSON.parse(readFileSync(new URL("shapes/openai.schema.json", import.meta.url), "utf8")));

export const hasShape = (name, value) => {
  const validate = ajv.getSchema(`openai#/$defs/${name}`);
  assert.ok(validate, `no shape ${name}`);
  assert.ok(validate(value), `${name}: ${JSON.stringify(value)}\n${ajv.errorsText(validate.errors)}`);
};

/** The events of an SSE stream, as its bytes say them. */
export const eventsOf = (text) => text.split("\n\n").filter((block) => block.trim() && !block.startsWith(":")).map((block) => {
  const lines = block.split("\n");
  const field = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
  return { event: field("event"), data: field("data") };
});
