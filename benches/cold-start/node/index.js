"use strict";
// The peer: an orchestrator as one would write it in Node with two clients of the AWS SDK, behind the least runtime loop there can be.
// It keeps no ledger, judges nothing but whether a rule is on, and waits for each function that it calls, as the original does.

const http = require("node:http");
const { InvokeCommand, LambdaClient } = require("@aws-sdk/client-lambda");
const { GetObjectCommand, S3Client } = require("@aws-sdk/client-s3");
const rules = require("./rules.json");

const lambda = new LambdaClient({});
const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });

async function handle(event) {
  for (const record of event.Records) {
    const body = JSON.parse(record.body);
    const message = body.Type === "Notification" ? JSON.parse(body.Message) : body;
    if (message.ruleId !== undefined) await route(message.ruleId, message);
    for (const notification of message.Records ?? []) await readLog(notification.s3);
  }
}

async function readLog({ bucket, object }) {
  const key = decodeURIComponent(object.key.replaceAll("+", " "));
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket.name, Key: key }));
  const row = JSON.parse(await answer.Body.transformToString());
  if (row.passed === false) await route(row.name.includes("disk") ? "posture.disk-encryption" : "posture.other", row);
}

async function route(id, payload) {
  const rule = rules[id];
  if (!rule?.enabled) {
    console.log(JSON.stringify({ rule: id, decision: rule ? "disabled" : "unknown" }));
    return;
  }
  for (const name of rule.functions) {
    const answer = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) }));
    if (answer.FunctionError) throw new Error(`${name}: ${answer.FunctionError}`);
    console.log(JSON.stringify({ rule: id, function: name, status: answer.StatusCode }));
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/${path}`, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ headers: response.headers, text: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function run() {
  for (;;) {
    const next = await call("GET", "invocation/next");
    const invocation = `invocation/${next.headers["lambda-runtime-aws-request-id"]}`;
    try {
      await handle(JSON.parse(next.text));
      await call("POST", `${invocation}/response`, JSON.stringify({ batchItemFailures: [] }));
    } catch (error) {
      await call("POST", `${invocation}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    }
  }
}

run();
