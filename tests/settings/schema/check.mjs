// SPDX-License-Identifier: Apache-2.0
// Holds settings against the schema, in both directions: what vigiled takes the schema takes, and what vigiled
// refuses the schema refuses, but for what stands in exceptions.txt with its reason.
//   node check.mjs SCHEMA FOLDER EXCEPTIONS    FOLDER as tests/settings/kept_settings.h fills it
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";

const require = createRequire(join(process.cwd(), "package.json"));
const Ajv = require("ajv/dist/2020").default;
const { parseAllDocuments } = require("yaml");

const [schemaFile, folder, exceptionsFile] = process.argv.slice(2);
// Lines of "refused|accepted <expression> # <reason>".
const exceptions = readFileSync(exceptionsFile, "utf8").split("\n").filter((line) => /^(refused|accepted) /.test(line))
  .map((line) => {
    const [, kind, expression, reason] = /^(refused|accepted) (.*?) +# (.*)$/.exec(line);
    return { kind, expression: new RegExp(expression, "m"), reason, used: 0 };
  });
const excused = (kind, text) => {
  const found = exceptions.find((exception) => exception.kind === kind && exception.expression.test(text));
  if (found) found.used += 1;
  return found !== undefined;
};

const validate = new Ajv({ allErrors: true, strict: false, allowMatchingProperties: true })
  .compile(JSON.parse(readFileSync(schemaFile, "utf8")));

// Undefined: no YAML, or more than one document.
const read = (text) => {
  const documents = parseAllDocuments(text, { version: "1.2", uniqueKeys: false });
  if (documents.length > 1 || documents.some?.((document) => document.errors.length > 0)) return undefined;
  return documents.length === 1 ? documents[0].toJS({ maxAliasCount: -1 }) : null;
};

const counts = { files: 0, taken: 0, refused: 0, excused: 0 };
let failures = 0;
for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml")).sort()) {
  const text = readFileSync(join(folder, name), "utf8");
  const errors = readFileSync(join(folder, name.replace(/yaml$/, "errors")), "utf8").trim();
  let value;
  try {
    value = read(text);
  } catch {
    value = undefined;
  }
  counts.files += 1;
  const takes = value !== undefined && validate(value);
  counts[errors === "" ? "taken" : "refused"] += 1;
  if (takes === (errors === "")) continue;
  if (excused(errors === "" ? "accepted" : "refused", errors === "" ? text : errors)) {
    counts.excused += 1;
    continue;
  }
  failures += 1;
  console.error(`${name}: vigiled ${errors === "" ? "takes it, the schema does not" : "refuses it, the schema does not"}`);
  console.error(text.replace(/^/gm, "    "));
  if (errors !== "") console.error(`  vigiled: ${errors}`);
  if (errors === "" && value !== undefined)
    for (const error of validate.errors.slice(0, 8)) console.error(`  schema: ${error.instancePath} ${error.message}`);
}
console.log(`${schemaFile}: ${counts.files} files, ${counts.taken} that vigiled takes and ${counts.refused} that it ` +
  `refuses; ${counts.excused} known exceptions, ${failures} failures`);
process.exit(failures === 0 && counts.taken > 0 && counts.refused > 0 ? 0 : 1);
