import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

// plain is what a component says by itself: no script, no style, no expression, no tag.
function plain(source: string): string {
  const text = source.replace(/<(script|style)[\s\S]*?<\/\1>/g, "").replace(/<!--[\s\S]*?-->/g, "");
  let out = "", depth = 0;
  for (const c of text) {
    if (c === "{") depth++;
    else if (c === "}") depth--;
    else if (!depth) out += c;
  }
  return out;
}
const word = /[A-Za-z]{3,}/;

test("every word of the pages stands in the catalogue", () => {
  const at = new URL("../src/ui/", import.meta.url), names = readdirSync(at).filter((n) => n.endsWith(".svelte"));
  assert.ok(names.length > 20);
  for (const name of names) {
    const text = plain(readFileSync(new URL(name, at), "utf8"));
    assert.doesNotMatch(text.replace(/<[^<>]*>/g, " ").replaceAll(/&\w+;/g, " "), word, name);
    for (const [, attribute, said] of text.matchAll(/(aria-label|title|placeholder|alt|aria-valuetext)="([^"]*)"/g)) assert.doesNotMatch(said!, word, `${name}: ${attribute}`);
  }
});
