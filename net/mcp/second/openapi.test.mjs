// The API's document, judged by a validator that knows nothing of its maker.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Validator } from "@seriousme/openapi-schema-validator";

const text = readFileSync(new URL("../../server/testdata/openapi.json", import.meta.url), "utf8");

test("the document is OpenAPI 3.1", async () => {
  const v = new Validator();
  const r = await v.validate(JSON.parse(text));
  assert.ok(r.valid, JSON.stringify(r.errors, null, 1));
  assert.equal(v.version, "3.1");
});

test("the validator finds fault with what is none", async () => {
  const doc = JSON.parse(text);
  doc.paths["/rmg"].get.parameters[0].in = "nowhere";
  assert.ok(!(await new Validator().validate(doc)).valid);
});
