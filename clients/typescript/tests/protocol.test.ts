import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";

const ERROR = 0; // the severity of what makes a document invalid

interface Bundle {
  readonly $id: string;
  readonly "x-fromClient": Readonly<Record<string, object>>;
  readonly "x-fromServer": Readonly<Record<string, object>>;
  readonly "x-calls": Readonly<Record<string, { readonly args: object; readonly answer: object }>>;
  readonly $defs: Readonly<Record<string, object>>;
}

const text = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const bundle = JSON.parse(text("protocol/schema.json")) as Bundle;
const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);
ajv.addFormat("decimal", /^-?\d+(\.\d+)?(E[+-]?\d+)?$/);
ajv.addSchema(bundle);

function complaints(schema: object, value: unknown): unknown {
  const validate = ajv.compile({ ...schema, $defs: bundle.$defs });
  return validate(value) ? [] : validate.errors;
}

/** The examples of protocol.md: a call and its answer, or one frame. */
const examples = [...text("../protocol.md").matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, block = ""]) =>
    block
      .trim()
      .split(/\n(?=\{)/)
      .map((part) => JSON.parse(part) as Record<string, unknown>),
);
const calls = examples.filter((block) => block.length > 1);
const fromClient = examples.flat().filter((frame) => typeof frame["action"] === "string");
const fromServer = examples.flat().filter((frame) => typeof frame["type"] === "string");

test("the AsyncAPI document is valid", async () => {
  const { diagnostics } = await new Parser().parse(text("protocol/asyncapi.json"));

  expect(diagnostics.filter((found) => (found.severity as number) === ERROR)).toEqual([]);
});

describe("every example of protocol.md is of the schemas", () => {
  test.each(fromClient)("$action $api", (frame) => {
    expect(complaints(bundle["x-fromClient"][String(frame["action"])] ?? {}, frame)).toEqual([]);
  });

  test.each(fromServer)("$type", (frame) => {
    expect(complaints(bundle["x-fromServer"][String(frame["type"])] ?? {}, frame)).toEqual([]);
  });

  test.each(calls)("the args and the answer of $api", (call = {}, final = {}) => {
    const api = bundle["x-calls"][String(call["api"])];
    if (api === undefined) throw new Error(`no such api: ${String(call["api"])}`);
    const args = call["args"] as Record<string, unknown>;
    const answer = args["dryRun"] === true ? { $ref: "#/$defs/PlanAnswer" } : api.answer;

    expect(complaints(api.args, args)).toEqual([]);
    expect(complaints(answer, final["data"])).toEqual([]);
  });
});
