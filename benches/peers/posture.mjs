// What a careful worker in Node does: streams all the way, one pass, nothing collected but the states.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";

const path = process.argv[2];
const file = createReadStream(path, { highWaterMark: 256 * 1024 });
const text = path.endsWith(".gz") ? file.pipe(createGunzip({ chunkSize: 256 * 1024 })) : file;

const states = new Map();
let rows = 0;
for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
  if (line === "") continue;
  const row = JSON.parse(line);
  rows += 1;
  const cloudflare = row.PostureCheckName !== undefined;
  const email = (cloudflare ? row.Email : row.email).trim().toLowerCase();
  const device = cloudflare ? row.DeviceID : row.details.device_id;
  const check = cloudflare ? row.PostureCheckName : row.name;
  const passed = cloudflare ? row.PostureEvaluatedResult : row.passed;
  const at = Date.parse(cloudflare ? row.Timestamp : row.timestamp);
  const key = `${email}\n${device}\n${check}`;
  const held = states.get(key);
  if (held === undefined || at >= held.at) states.set(key, { at, passed, row });
}
console.log(JSON.stringify({ rows, states: states.size }));
