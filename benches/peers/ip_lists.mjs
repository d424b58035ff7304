// What a careful worker in Node does: Map and Set of strings, the allow list as a Set of numbers per prefix. Like the Rust peer it
// does less than ours: no guards, no order, no reasons, no comments read.
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";

const set = process.argv[2];
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
async function pages(name, each) {
  const input = createReadStream(join(set, name), { highWaterMark: 256 * 1024 });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) each(JSON.parse(line));
}

const begun = cpu();
const current = [];
for (const name of ["block", "challenge", "rate-limit"]) {
  const list = new Map();
  await pages(name, (page) => {
    for (const item of page.result) list.set(item.ip, item.id);
  });
  current.push(list);
}
const records = [];
await pages("collector", (page) => {
  for (const { ip, score, is_whitelisted } of page.threats) records.push({ ip, score, is_whitelisted });
});
const number = (ip) => {
  let value = 0;
  for (const part of ip.split(".")) value = value * 256 + Number(part);
  return value;
};
const allow = new Map();
for (const line of readFileSync(join(set, "allow"), "utf8").trim().split("\n")) {
  const [ip, prefix] = line.split("/");
  const size = 2 ** (32 - Number(prefix));
  if (!allow.has(size)) allow.set(size, new Set());
  allow.get(size).add(Math.floor(number(ip) / size));
}
const parsed = cpu();

const isAllowed = (ip) => {
  if (ip.includes(":")) return false;
  const value = number(ip);
  for (const [size, nets] of allow) if (nets.has(Math.floor(value / size))) return true;
  return false;
};
const wanted = [new Set(), new Set(), new Set()];
for (const { ip, score, is_whitelisted } of records) {
  if (is_whitelisted || isAllowed(ip)) continue;
  const list = score >= 4 ? 0 : score >= 2 ? 1 : score >= 1 ? 2 : -1;
  if (list >= 0) wanted[list].add(ip);
}
const added = [];
const removed = [];
wanted.forEach((list, at) => {
  for (const ip of list) if (!current[at].has(ip)) added.push(ip);
  for (const [ip, id] of current[at]) if (!list.has(ip)) removed.push(id);
});
const ended = cpu();
console.log(
  JSON.stringify({
    parse_ms: parsed - begun,
    plan_ms: ended - parsed,
    additions: added.length,
    removals: removed.length,
    peak_kib: process.resourceUsage().maxRSS,
  }),
);
