// Runs the statements of a file through @duckdb/node-api: node test_node.mjs MODULES EXTENSION STATEMENTS
// Prints one line of JSON a statement: its rows, or its error.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, extension, statements] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(resolve(modules, "index.js"))("@duckdb/node-api");

const instance = await DuckDBInstance.create(":memory:", {
  allow_unsigned_extensions: "true",
  autoinstall_known_extensions: "false",
});
const connection = await instance.connect();
await connection.run(`LOAD '${extension}'`);
for (const statement of JSON.parse(readFileSync(statements, "utf8"))) {
  let line;
  try {
    line = { rows: (await connection.runAndReadAll(statement)).getRowsJson() };
  } catch (error) {
    line = { error: error.message };
  }
  console.log(JSON.stringify(line));
}
