// node-postgres and postgres.js: values, parameters, errors, a cursor of rows, types by their numbers.
import assert from "node:assert";
import pg from "pg";
import postgres from "postgres";

const address = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };

const client = new pg.Client(address);
await client.connect();
let answer = await client.query("SELECT $1::int + 1 AS n, 'x' AS t, true AS b, ARRAY[1, 2] AS a, '{\"k\": 1}'::jsonb AS j", [1]);
assert.deepStrictEqual(answer.rows[0], { n: 2, t: "x", b: true, a: [1, 2], j: { k: 1 } });
answer = await client.query({ name: "named", text: "SELECT $1::text AS x", values: ["é"] });
assert.strictEqual(answer.rows[0].x, "é");
await assert.rejects(client.query("SELECT * FROM silver.nothing"), (error) => error.code === "42P01");
answer = await client.query("SELECT count(*) FROM silver.orders");
assert.ok(Number(answer.rows[0].count) > 0);
await client.end();

const sql = postgres(address);
const rows = await sql`SELECT ${1}::int + 1 AS n, ${"x"} AS t, ${[1, 2]}::int[] AS a`;
assert.strictEqual(rows[0].n, 2);
assert.strictEqual(rows[0].t, "x");
const days = await sql`SELECT day FROM gold_finance.daily_revenue WHERE day >= ${"2000-01-01"} ORDER BY day LIMIT 2`;
assert.ok(days[0].day instanceof Date);
let seen = 0;
for await (const part of sql`SELECT * FROM generate_series(1, 1000) AS g (n)`.cursor(100)) seen += part.length;
assert.strictEqual(seen, 1000);
await sql.end();
