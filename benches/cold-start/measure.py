#!/usr/bin/env python3
"""Cold start and warm cost of the orchestrator's bootstrap, beside a Node orchestrator, in one run.

    python3 benches/cold-start/measure.py --ours target/release/orchestrator --node <folder>

plays the Lambda Runtime API and the AWS services on the loopback interface. `<folder>` is a copy of `benches/cold-start/node`
in which `npm install` was run; without `--node` ours is measured alone. With `--tls` the services are reached over TLS,
under a certificate of a throw-away authority that is added to this machine's (needs `openssl`); Node is then left out.

Cold: each start is a new process; the peers take turns. Warm: one process each, the same SQS events for both. Every event
holds a check of a rule that is off and a one-row posture log that fails a rule that is on, and the run fails unless the tasks
that follow from it were sent.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import events
import fake_aws
from runtime_api import Failed, Function, Peer

HERE = pathlib.Path(__file__).resolve().parent
SHIPPED_RULES = HERE.parent.parent / "config" / "rules.toml"
RULE = "posture.disk-encryption"
TASKS_PER_EVENT = 2
WARM_UP = 20


def main() -> int:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="cold-start-") as folder, contextlib.ExitStack() as stack:
        scratch = pathlib.Path(folder)
        aws = stack.enter_context(FakeAws(scratch, arguments.tls))
        peers = [Peer("ours", [str(arguments.ours.resolve())], aws.environment())]
        if arguments.node and not arguments.tls:
            node = shutil.which("node") or sys.exit("node is not on the PATH")
            peers.append(Peer("node", [node, str(arguments.node.resolve() / "index.js")], aws.environment()))
        try:
            result = {
                "machine": machine(),
                "load": [os.getloadavg()[0]],
                "tls": arguments.tls,
                "cold": cold(peers, arguments.starts, scratch, aws),
                "warm": {peer.name: warm(peer, arguments.messages, scratch, aws) for peer in peers},
                "binary_mb": round(arguments.ours.stat().st_size / 1e6, 2),
            }
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1
        result["load"].append(os.getloadavg()[0])
    print(json.dumps(result, indent=2) if arguments.json else report(result))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the orchestrator's binary")
    parser.add_argument("--node", type=pathlib.Path, help="a copy of benches/cold-start/node after `npm install`")
    parser.add_argument("--starts", type=int, default=45, help="cold starts per peer (45)")
    parser.add_argument("--messages", type=int, default=300, help="warm invocations per peer (300)")
    parser.add_argument("--tls", action="store_true", help="reach the services over TLS; ours alone")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


class FakeAws:
    """The services, as a process of its own."""

    def __init__(self, scratch: pathlib.Path, tls: bool):
        self.scratch = scratch
        self.number = 0
        rules = scratch / "rules.toml"
        rules.write_text(rules_with_one_on(SHIPPED_RULES.read_text()))
        self.pair = certificate(scratch) if tls else []
        command = [sys.executable, str(HERE / "fake_aws.py"), str(rules), *self.pair]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.process.stdout.readline().strip()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def event(self) -> bytes:
        """An event about a person and a bucket that no earlier one was about."""
        self.number += 1
        return events.sqs_event(self.number)

    def sent(self) -> int:
        context = ssl.create_default_context(cafile=self.pair[0]) if self.pair else None
        with urllib.request.urlopen(f"{self.url}/-/sent", context=context) as answer:
            return sum(json.load(answer).values())

    def environment(self) -> dict[str, str]:
        """All that a process is given: nothing of this machine's own environment but where programs are."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_LAMBDA_FUNCTION_NAME": "orchestrator",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orchestrator",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[$LATEST]0",
            "AWS_REGION": events.REGION,
            "AWS_DEFAULT_REGION": events.REGION,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_SESSION_TOKEN": "example",
            "AWS_ENDPOINT_URL": self.url,
            "LEDGER_TABLE": "ledger",
            "REMEDIATE_CONFIG": f"s3://{fake_aws.CONFIG_BUCKET}",
            "REMEDIATE_INTAKE_BUCKETS": events.POSTURE_BUCKET,
            "QUEUE_URL": f"{self.url}/{events.ACCOUNT}/intake",
            "QUEUE_NOTIFY_TELEGRAM": f"{self.url}/{events.ACCOUNT}/notify-telegram",
            "QUEUE_OPEN_JIRA": f"{self.url}/{events.ACCOUNT}/open-jira",
        }
        if self.pair:
            environment["SSL_CERT_FILE"] = str(self.scratch / "authorities.pem")
        return environment


def rules_with_one_on(shipped: str) -> str:
    """The shipped rules with one turned on, and a budget that the run does not use up."""
    before, heading, after = shipped.partition(f'[rules."{RULE}"]\n')
    block, gap, rest = after.partition("\n\n")
    lines = dict(line.split(" = ", 1) for line in block.splitlines())
    if lines.get("enabled") != "false" or lines.get("mode") != '"act"':
        sys.exit(f"{SHIPPED_RULES}: the rule {RULE} is not shipped as this script expects it")
    lines |= {"enabled": "true", "max_changes_per_hour": "1_000_000"}
    return before + heading + "\n".join(f"{key} = {value}" for key, value in lines.items()) + gap + rest


def certificate(scratch: pathlib.Path) -> list[str]:
    """A certificate for `localhost` that signs itself, beside the authorities of this machine: reading those is a part of the cost."""
    pair = [str(scratch / "certificate.pem"), str(scratch / "key.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*command, "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
    bundle = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    authorities = pathlib.Path(bundle).read_text() + pathlib.Path(pair[0]).read_text()
    (scratch / "authorities.pem").write_text(authorities)
    return pair


def cold(peers: list[Peer], starts: int, scratch: pathlib.Path, aws: FakeAws) -> dict:
    measured = {peer.name: [] for peer in peers}
    for number in range(-2, starts):
        for peer in peers:
            one = cold_start(peer, scratch / "output", aws)
            if number >= 0:  # The first two fill the page cache.
                measured[peer.name].append(one)
    return {name: {key: spread([one[key] for one in ones]) for key in ones[0]} for name, ones in measured.items()}


def cold_start(peer: Peer, output: pathlib.Path, aws: FakeAws) -> dict[str, float]:
    already = aws.sent()
    with Function(peer, output) as function:
        next_ms = function.until_next()
        next_cpu = function.cpu_exact_ms()
        next_mb = function.peak_mb()
        first_ms = function.invoke(aws.event())
        first_cpu = function.cpu_exact_ms() - next_cpu
    expect_tasks(peer, aws.sent() - already, 1)
    return {
        "start to first /next, ms": next_ms,
        "CPU until then, ms": next_cpu,
        "memory then, MB": next_mb,
        "first invocation, ms": first_ms,
        "CPU of it, ms": first_cpu,
        "start to first answer, ms": next_ms + first_ms,
    }


def warm(peer: Peer, messages: int, scratch: pathlib.Path, aws: FakeAws) -> dict[str, float]:
    already = aws.sent()
    with Function(peer, scratch / "output") as function:
        for _ in range(WARM_UP):
            function.until_next()
            function.invoke(aws.event())
        function.until_next()
        before = function.cpu_ms()
        walls = []
        for _ in range(messages):
            walls.append(function.invoke(aws.event()))
            function.until_next()
        cpu = function.cpu_ms() - before
        peak = function.peak_mb()
    expect_tasks(peer, aws.sent() - already, WARM_UP + messages)
    return {
        "own CPU per invocation, ms": round(cpu / messages, 2),
        "wall clock per invocation, median, ms": round(statistics.median(walls), 2),
        "peak memory (VmHWM), MB": round(peak, 1),
    }


def expect_tasks(peer: Peer, sent: int, events_given: int) -> None:
    if sent != events_given * TASKS_PER_EVENT:
        raise Failed(f"{peer.name}: {sent} tasks followed from {events_given} events, not {events_given * TASKS_PER_EVENT}")


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    nearest = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
    return {"median": round(statistics.median(ordered), 2), "least": round(ordered[0], 2), "p90": round(nearest(0.9), 2)}


def machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def report(result: dict) -> str:
    """Tables in Markdown: rows are quantities, columns are peers."""
    names = list(result["warm"])
    load = " to ".join(f"{value:.1f}" for value in result["load"])
    lines = [f"{result['machine']}; load {load}; binary {result['binary_mb']} MB{'; services over TLS' if result['tls'] else ''}", ""]
    ratio = ["node/ours"] if "node" in names else []
    lines += table(["cold: median (least, p90)", *names, *ratio])
    for key, ours in result["cold"]["ours"].items():
        cells = [f"{cold[key]['median']} ({cold[key]['least']}, {cold[key]['p90']})" for cold in (result["cold"][name] for name in names)]
        factor = [f"{result['cold']['node'][key]['median'] / ours['median']:.1f}"] if ratio else []
        lines.append(row([key, *cells, *factor]))
    lines += ["", *table(["warm", *names, *ratio])]
    for key, ours in result["warm"]["ours"].items():
        cells = [str(result["warm"][name][key]) for name in names]
        factor = [f"{result['warm']['node'][key] / ours:.1f}"] if ratio else []
        lines.append(row([key, *cells, *factor]))
    return "\n".join(lines)


def table(heads: list[str]) -> list[str]:
    return [row(heads), row(["---"] + ["---:"] * (len(heads) - 1))]


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
