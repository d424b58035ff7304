"""The AWS that one message touches: S3 GetObject, the ledger's DynamoDB calls, SQS SendMessageBatch, Lambda Invoke.

Run as a process of its own, so that its work is not that of the process under measurement: prints its port, serves until its
standard input ends. `GET /-/sent` says how many tasks were sent on, by function queue or function name.
"""

import collections
import hashlib
import json
import os
import pathlib
import ssl
import sys
import threading
import urllib.parse

import events
import wire

CONFIG_BUCKET = "remediate-config"


class Refused(Exception):
    """What DynamoDB answers instead: the code, and what its body holds beside it."""

    def __init__(self, code: str, more: dict | None = None):
        super().__init__(code)
        self.more = more or {}


class Table:
    """Items by (pk, sk), with the conditions that the ledger writes under."""

    def __init__(self):
        self.items: dict[tuple[str, str], dict] = {}

    def call(self, action: str, request: dict) -> dict:
        return getattr(self, action)(request)

    def GetItem(self, request: dict) -> dict:
        item = self.items.get(_key(request["Key"]))
        return {"Item": item} if item else {}

    def PutItem(self, request: dict) -> dict:
        if not self._holds(request["Item"], request):
            raise Refused("ConditionalCheckFailedException", {"message": "The conditional request failed"})
        self.items[_key(request["Item"])] = request["Item"]
        return {}

    def Query(self, request: dict) -> dict:
        values = request.get("ExpressionAttributeValues", {})
        if request["KeyConditionExpression"] != "pk = :pk":
            raise Refused("ValidationException", {"message": "only `pk = :pk` is known here"})
        wanted = values[":pk"]["S"]
        found = [item for (pk, _), item in self.items.items() if pk == wanted]
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def BatchGetItem(self, request: dict) -> dict:
        found = {}
        for table, asked in request["RequestItems"].items():
            keys = [_key(key) for key in asked["Keys"]]
            found[table] = [self.items[key] for key in keys if key in self.items]
        return {"Responses": found, "UnprocessedKeys": {}}

    def BatchWriteItem(self, request: dict) -> dict:
        for writes in request["RequestItems"].values():
            for write in writes:
                item = write["PutRequest"]["Item"]
                self.items[_key(item)] = item
        return {"UnprocessedItems": {}}

    def TransactWriteItems(self, request: dict) -> dict:
        changes = [next(iter(change.items())) for change in request["TransactItems"]]
        held = [self._holds(change.get("Item") or change["Key"], change) for _, change in changes]
        if not all(held):
            reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in held]
            raise Refused("TransactionCanceledException", {"message": "cancelled", "CancellationReasons": reasons})
        for kind, change in changes:
            if kind == "Put":
                self.items[_key(change["Item"])] = change["Item"]
            else:
                self.items.pop(_key(change["Key"]), None)
        return {}

    def _holds(self, key: dict, request: dict) -> bool:
        condition = request.get("ConditionExpression")
        if condition is None:
            return True
        item = self.items.get(_key(key), {})
        values = request.get("ExpressionAttributeValues", {})
        ways = condition.split(" OR ")
        return any(all(_term(term, item, values) for term in way.split(" AND ")) for way in ways)


def _key(item: dict) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _term(term: str, item: dict, values: dict) -> bool:
    if term.startswith("attribute_not_exists("):
        return term[21:-1] not in item
    name, operator, value = term.split(" ")
    if name not in item:
        return False
    if operator == "=":
        return item[name] == values[value]
    if operator == "<=":
        return int(item[name]["N"]) <= int(values[value]["N"])
    raise Refused("ValidationException", {"message": f"the condition `{term}` is not known here"})


class Cloud:
    """All services behind one address, told apart as the SDKs' protocols do: by target header or by path."""

    def __init__(self, rules: bytes):
        self.rules = rules
        self.table = Table()
        self.sent: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()

    def serve(self, stream) -> None:
        connection = wire.Connection(stream)
        with stream:
            while request := connection.receive():
                with self.lock:
                    status, headers, body = self.respond(request)
                connection.answer(status, headers, body)

    def respond(self, request: wire.Request) -> tuple[int, dict[str, str], bytes]:
        path = urllib.parse.unquote(urllib.parse.urlsplit(request.path).path)
        service, _, action = request.headers.get("x-amz-target", "").partition(".")
        if path == "/-/sent":
            return 200, {"Content-Type": "application/json"}, json.dumps(self.sent).encode()
        if service == "DynamoDB_20120810":
            return self._json(lambda: self.table.call(action, request.json()))
        if service == "AmazonSQS" and action == "SendMessageBatch":
            return self._json(lambda: self._send(request.json()))
        if path.startswith("/2015-03-31/functions/") and request.method == "POST":
            self.sent[path.split("/")[3]] += 1
            return 200, {"Content-Type": "application/json"}, b"null"
        if request.method == "GET":
            return self._object(path)
        return 501, {}, f"{request.method} {path} {service}.{action} is not known here".encode()

    def _send(self, request: dict) -> dict:
        self.sent[request["QueueUrl"].rpartition("/")[2]] += len(request["Entries"])
        confirmed = [
            {"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest()}
            for entry in request["Entries"]
        ]
        return {"Successful": confirmed, "Failed": []}

    def _json(self, act) -> tuple[int, dict[str, str], bytes]:
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "0"}
        try:
            return 200, headers, json.dumps(act()).encode()
        except Refused as refused:
            answer = {"__type": f"com.amazonaws.dynamodb.v20120810#{refused}", **refused.more}
            return 400, headers, json.dumps(answer).encode()

    def _object(self, path: str) -> tuple[int, dict[str, str], bytes]:
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket == events.POSTURE_BUCKET:
            body = events.posture_log(key)
        elif bucket == CONFIG_BUCKET and key == "rules.toml":
            body = self.rules
        else:
            error = f"<Error><Code>NoSuchKey</Code><Message>No such key.</Message><Key>{key}</Key></Error>"
            return 404, {"Content-Type": "application/xml"}, error.encode()
        etag = hashlib.md5(body).hexdigest()
        headers = {"Content-Type": "binary/octet-stream", "ETag": f'"{etag}"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
        return 200, headers, body


def main() -> None:
    rules, *tls = sys.argv[1:]
    cloud = Cloud(pathlib.Path(rules).read_bytes())
    listener = wire.listen()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=_serve, args=(cloud, context, stream), daemon=True).start()


def _serve(cloud: Cloud, context: ssl.SSLContext | None, stream) -> None:
    try:
        cloud.serve(context.wrap_socket(stream, server_side=True) if context else stream)
    except (ConnectionError, ssl.SSLError):
        pass  # A process that was measured enough is killed in the midst of its connections.


def _end_with_standard_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
