#!/usr/bin/env python3
"""Cold start, CPU and memory of a rule function's bootstrap, repairing resources in moto.

    python3 -m venv /tmp/moto && /tmp/moto/bin/pip install 'moto[server]==5.2.1' boto3
    /tmp/moto/bin/python benches/cold-start/repairs.py --ours target/release/remediate-aws

plays the Lambda Runtime API; AWS, with the ledger and the configuration, is a moto server on the loopback interface. Every
invocation repairs a resource that no earlier one touched, and the run fails unless the function answers `applied`. CPU is that of
the function's process alone: the calls' own cost (signing, HTTP, parsing) is in it, moto's is not.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.exceptions
import events
from measure import machine, row, spread, table
from runtime_api import Failed, Function, Peer

CONFIG_BUCKET, LEDGER = "configuration", "ledger"
SHIPPED_RULES = pathlib.Path(__file__).resolve().parent.parent.parent / "config" / "rules.toml"
APPLIED = {"outcome": "applied", "changes": 1}
WARM_UP = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the binary of remediate-aws")
    parser.add_argument("--starts", type=int, default=20, help="cold starts (20)")
    parser.add_argument("--repairs", type=int, default=60, help="warm repairs per rule (60)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="repairs-") as folder, contextlib.ExitStack() as stack:
        aws = stack.enter_context(Moto(pathlib.Path(folder)))
        rules = {"S3-001": aws.public_bucket, "EC2-002": aws.open_group, "SQS-004": aws.plain_queue}
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}; binary {arguments.ours.stat().st_size / 1e6:.2f} MB\n")
        try:
            for line in report(arguments, aws, rules):
                print(line)
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1
    return 0


def report(arguments: argparse.Namespace, aws: "Moto", rules: dict):
    command = [str(arguments.ours.resolve())]
    starts = [cold(Peer("ours", command, aws.environment("S3-001")), aws) for _ in range(arguments.starts + 2)][2:]
    yield from table(["cold, S3-001", "median (least, p90)"])
    for key in starts[0]:
        values = spread([start[key] for start in starts])
        yield row([key, f"{values['median']} ({values['least']}, {values['p90']})"])
    yield ""
    yield from table(["warm", "own CPU per repair, ms", "wall clock, median, ms", "peak memory, MB"])
    for rule, broken in rules.items():
        peer = Peer("ours", command, aws.environment(rule))
        yield row([rule, *warm(peer, rule, broken, arguments.repairs, aws)])


def cold(peer: Peer, aws: "Moto") -> dict[str, float]:
    bucket = aws.public_bucket()
    with Function(peer, aws.scratch / "output") as function:
        next_ms = function.until_next()
        next_cpu = function.cpu_exact_ms()
        next_mb = function.peak_mb()
        first_ms = function.invoke(task("S3-001", bucket), APPLIED)
        return {
            "start to first /next, ms": next_ms,
            "CPU until then, ms": next_cpu,
            "memory then, MB": next_mb,
            "first repair, ms": first_ms,
            "CPU of it, ms": function.cpu_exact_ms() - next_cpu,
        }


def warm(peer: Peer, rule: str, broken, repairs: int, aws: "Moto") -> list[str]:
    resources = [broken() for _ in range(WARM_UP + repairs)]
    with Function(peer, aws.scratch / "output") as function:
        walls = []
        for number, resource in enumerate(resources):
            function.until_next()
            if number == WARM_UP:
                before = function.cpu_ms()
            wall = function.invoke(task(rule, resource), APPLIED)
            if number >= WARM_UP:
                walls.append(wall)
        function.until_next()
        cpu = (function.cpu_ms() - before) / repairs
        return [f"{cpu:.1f}", f"{statistics.median(walls):.1f}", f"{function.peak_mb():.1f}"]


def task(rule: str, resource: str) -> bytes:
    """What the orchestrator invokes a rule's function with."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    finding = {
        "rule": rule,
        "subject": {"kind": "resource", "resource": resource, "account": events.ACCOUNT, "region": events.REGION},
        "verdict": "failed",
        "observed_at": now,
        "severity": "very_high",
        "evidence": {"title": rule},
        "source": {"kind": "conformity", "object": f"ccc:{resource}"},
    }
    return json.dumps({
        "id": f"{rule} {resource}",
        "function": "remediate-aws",
        "group": f"{events.ACCOUNT} {resource}",
        "mode": "act",
        "payload": {"kind": "findings", "findings": [finding]},
    }).encode()


class Moto:
    """AWS, as a process of its own, with a ledger, the configuration, and what is wrong in it."""

    def __init__(self, scratch: pathlib.Path):
        self.scratch = scratch
        self.number = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = shutil.which("moto_server", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
        if server is None:
            sys.exit("moto_server is neither beside this Python nor on the PATH")
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.s3, self.ec2, self.sqs = (self._client(name) for name in ("s3", "ec2", "sqs"))

    def __enter__(self):
        self._wait()
        self._ledger()
        self.s3.create_bucket(Bucket=CONFIG_BUCKET, CreateBucketConfiguration={"LocationConstraint": events.REGION})
        rules = re.sub(r"enabled = false", "enabled = true", SHIPPED_RULES.read_text())
        self.s3.put_object(Bucket=CONFIG_BUCKET, Key="rules.toml", Body=rules.encode())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def public_bucket(self) -> str:
        name = self._name()
        place = {"LocationConstraint": events.REGION}
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=place, ObjectOwnership="ObjectWriter")
        self.s3.put_bucket_acl(Bucket=name, ACL="public-read")
        return name

    def open_group(self) -> str:
        group = self.ec2.create_security_group(GroupName=self._name(), Description="open")["GroupId"]
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
        return group

    def plain_queue(self) -> str:
        return self.sqs.create_queue(QueueName=self._name(), Attributes={"SqsManagedSseEnabled": "false"})["QueueUrl"]

    def environment(self, rule: str) -> dict[str, str]:
        """All that a process is given: nothing of this machine's own environment but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch),
            "AWS_LAMBDA_FUNCTION_NAME": f"AutoRemediate{rule}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/rules",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[$LATEST]0",
            "AWS_REGION": events.REGION,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_ENDPOINT_URL": self.url,
            "LEDGER_TABLE": LEDGER,
            "REMEDIATE_CONFIG": f"s3://{CONFIG_BUCKET}",
            "STACK_NAME": "auto-remediate",
            "RULE": rule,
        }

    def _name(self) -> str:
        self.number += 1
        return f"example-{self.number}"

    def _client(self, service: str):
        keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example"}
        return boto3.client(service, region_name=events.REGION, endpoint_url=self.url, **keys)

    def _wait(self) -> None:
        for _ in range(100):
            with contextlib.suppress(botocore.exceptions.BotoCoreError):
                self.s3.list_buckets()
                return
            time.sleep(0.2)
        sys.exit("moto does not answer")

    def _ledger(self) -> None:
        """The table of template.yaml."""
        index = lambda key: {
            "IndexName": f"by_{key}",
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        self._client("dynamodb").create_table(
            TableName=LEDGER,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "id", "subject", "rule", "day")
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[index(key) for key in ("subject", "rule", "day")],
        )


if __name__ == "__main__":
    sys.exit(main())
