"""A function's process, and the Lambda Runtime API that it speaks to.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import dataclasses
import os
import pathlib
import selectors
import signal
import time

import events
import wire

ARN = f"arn:aws:lambda:{events.REGION}:{events.ACCOUNT}:function:orchestrator"
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 20
NO_FAILURES = {"batchItemFailures": []}


class Failed(Exception):
    """The process did not do what was asked; the message ends with what it wrote."""


@dataclasses.dataclass
class Peer:
    name: str
    command: list[str]
    environment: dict[str, str]


class Function:
    """One process of a peer, from its start to its end."""

    def __init__(self, peer: Peer, output: pathlib.Path):
        self.peer = peer
        self.output = output
        self.invoked = 0
        self.answer = b""
        self.listener = wire.listen()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.waiting: wire.Connection | None = None
        host, port = self.listener.getsockname()
        environment = peer.environment | {"AWS_LAMBDA_RUNTIME_API": f"{host}:{port}"}
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        self.began = time.perf_counter_ns()
        self.pid = os.posix_spawn(peer.command[0], peer.command, environment, file_actions=files)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def until_next(self) -> float:
        """Waits until the process asks for an invocation; the milliseconds since it was started."""
        request, self.waiting = self._receive()
        now = time.perf_counter_ns()
        if not request.path.endswith("/invocation/next"):
            raise self._failed(f"{request.method} {request.path} instead of the next invocation: {request.body!r}")
        return (now - self.began) / 1e6

    def invoke(self, event: bytes, expected: dict | None = NO_FAILURES) -> float:
        """Hands the event to the waiting process; the milliseconds until the expected answer, or any, is there."""
        self.invoked += 1
        request_id = f"8476a536-e9f4-11e8-9739-{self.invoked:012d}"
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 300_000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        }
        handed = time.perf_counter_ns()
        self.waiting.answer(200, headers, event)
        request, connection = self._receive()
        now = time.perf_counter_ns()
        connection.answer(202, {"Content-Type": "application/json"}, b'{"status":"OK"}')
        if not request.path.endswith(f"/invocation/{request_id}/response"):
            raise self._failed(f"{request.method} {request.path}: {request.body!r}")
        self.answer = request.body
        if expected is not None and request.json() != expected:
            raise self._failed(f"answered {request.body!r} instead of {expected}")
        return (now - handed) / 1e6

    def cpu_exact_ms(self) -> float:
        """CPU of all threads that are there now, from the scheduler's own account (nanoseconds)."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6

    def cpu_ms(self) -> float:
        """User and system time of the process, ended threads included, to the clock tick (10 ms as a rule)."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / TICKS

    def peak_mb(self) -> float:
        """The most memory that was resident at once."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024

    def _receive(self) -> tuple[wire.Request, wire.Connection]:
        while True:
            ready = self.selector.select(PATIENCE)
            if not ready:
                raise self._failed(f"nothing was heard for {PATIENCE} s")
            for key, _ in ready:
                if key.data is None:
                    stream, _ = self.listener.accept()
                    self.selector.register(stream, selectors.EVENT_READ, wire.Connection(stream))
                    continue
                request = key.data.receive()
                if request is not None:
                    return request, key.data
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                if len(self.selector.get_map()) == 1:
                    raise self._failed("the process hung up")

    def _failed(self, what: str) -> Failed:
        written = self.output.read_text(errors="replace")[-2000:]
        return Failed(f"{self.peer.name}: {what}\n--- what it wrote:\n{written}")
