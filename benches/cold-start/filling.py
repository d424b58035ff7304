#!/usr/bin/env python3
"""Whole runs of enforce-ip-list as a Lambda function at so many entries: first filling, a delta, and nothing new.

    cargo build --release -p enforce-ip-list --bin enforce-ip-list && cargo build -p remediate-cli
    python3 benches/cold-start/filling.py --ours target/release/enforce-ip-list --sandbox target/debug/remediate

plays the Lambda Runtime API; ledger, store and configuration are a moto server's (see repairs.py for how to get one), Cloudflare is
the sandbox, an Enterprise account whose bulk operations take a second each. A run fails unless its report says what is expected.
CPU and memory are those of the function's process alone, which is a new one for each run, as after a cold start.
"""

import argparse
import contextlib
import datetime
import ipaddress
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import runtime_api
from measure import machine, row, table
from repairs import CONFIG_BUCKET, LEDGER, Moto
from runtime_api import Failed, Function, Peer

ACCOUNT = "5a9db0c1d4e24f6f8b7c90e1a2b3c4d5"
TOKEN = "sandbox-cloudflare-token-lists-only-0000"
LISTS = ("eil_block", "eil_challenge", "eil_rate_limit")
NETWORKS = pathlib.Path(__file__).resolve().parent.parent.parent / "config" / "networks.toml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the binary of enforce-ip-list")
    parser.add_argument("--sandbox", type=pathlib.Path, required=True, help="the command line, for its sandbox")
    parser.add_argument("--entries", type=int, default=499_000, help="addresses in the snapshot (499,000)")
    arguments = parser.parse_args()
    runtime_api.PATIENCE = 900
    with tempfile.TemporaryDirectory(prefix="filling-") as folder, contextlib.ExitStack() as stack:
        aws = stack.enter_context(Moto(pathlib.Path(folder)))
        cloudflare = stack.enter_context(sandbox(arguments.sandbox))
        # A first filling is what the guards are made to hold back; a person says so with `sync --first-run`.
        guards = NETWORKS.read_text().replace("adds = 500", "adds = 1000000").replace("coverage_factor = 2", "coverage_factor = 1000000")
        aws.s3.put_object(Bucket=CONFIG_BUCKET, Key="networks.toml", Body=guards.encode())
        peer = Peer("ours", [str(arguments.ours.resolve())], environment(aws, cloudflare))
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {arguments.entries:,} entries\n")
        try:
            for line in report(arguments.entries, aws, peer):
                print(line, flush=True)
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1
    return 0


def report(entries: int, aws: Moto, peer: Peer):
    wanted = addresses(entries + entries // 50)
    yield from table(["run", "wall clock, s", "CPU, s", "peak memory, MB", "calls", "of these reading", "added", "removed"])
    yield run("first filling", aws, peer, push(aws, "first", wanted[:entries]), "applied")
    yield run("2 % come and 2 % go", aws, peer, push(aws, "second", wanted[entries // 50 :]), "applied")
    yield run("nothing new", aws, peer, {"kind": "sync"}, "unchanged")


def run(name: str, aws: Moto, peer: Peer, event: dict, end: str) -> str:
    with Function(peer, aws.scratch / "output") as function:
        function.until_next()
        wall = function.invoke(json.dumps(event).encode(), None)
        answer = json.loads(function.answer)
        if answer["end"]["is"] != end:
            raise Failed(f"{name}: {answer['end']} instead of {end}; {answer['notes']}")
        calls = answer["calls"]
        tiers = answer["tiers"]
        cells = [
            f"{wall / 1000:.1f}",
            f"{function.cpu_ms() / 1000:.2f}",
            f"{function.peak_mb():.0f}",
            f"{calls['reads'] + calls['writes']:,}",
            f"{calls['reads']:,}",
            f"{sum(tier['added'] for tier in tiers):,}",
            f"{sum(tier['removed'] for tier in tiers):,}",
        ]
        return row([name, *cells])


def addresses(count: int) -> list[str]:
    """Different hosts, none of them protected: a fifth is blocked, a fifth challenged, the rest limited."""
    source = random.Random(4)
    hosts = set()
    while len(hosts) < count:
        host = ipaddress.IPv4Address(source.randrange(0x1400_0000, 0x6000_0000))
        if host.is_global:
            hosts.add(str(host))
    return sorted(hosts, key=lambda host: hash_of(host))


def hash_of(host: str) -> int:
    return int(ipaddress.IPv4Address(host)) * 2654435761 % 2**32


def push(aws: Moto, name: str, hosts: list[str]) -> dict:
    """Puts a snapshot into the bucket; the trigger that the orchestrator makes of it."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    score = lambda host: (5, 3, 1, 1, 1)[hash_of(host) % 5]
    threats = [{"ip": host, "score": score(host), "sources": ["ipsum"], "is_whitelisted": False} for host in hosts]
    document = {"schema": 1, "generated_at": now, "snapshot": name, "total": len(threats), "threats": threats}
    key = f"snapshots/{name}.json"
    aws.s3.put_object(Bucket=CONFIG_BUCKET, Key=key, Body=json.dumps(document).encode())
    return {"kind": "snapshot", "bucket": CONFIG_BUCKET, "key": key}


def environment(aws: Moto, cloudflare: str) -> dict[str, str]:
    return aws.environment("") | {
        "AWS_LAMBDA_FUNCTION_NAME": "enforce-ip-list",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "LEDGER_TABLE": LEDGER,
        "THREATS_STORE": f"s3://{CONFIG_BUCKET}/state",
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "REMEDIATE_CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "REMEDIATE_CLOUDFLARE_PLAN": "enterprise",
        "REMEDIATE_CLOUDFLARE_API_URL": f"{cloudflare}/client/v4",
        "RUST_LOG": "warn",
    }


@contextlib.contextmanager
def sandbox(program: pathlib.Path):
    """The sandbox with the three lists in it; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {"cloudflare": {"plan": "enterprise", "lists": [{"name": name} for name in LISTS]}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(settings, file)
        file.flush()
        command = [str(program.resolve()), "sandbox", "--port", str(port), "--settings", file.name]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{url}/_sandbox/cloudflare").close()
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
