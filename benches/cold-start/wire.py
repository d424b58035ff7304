"""HTTP/1.1 on a socket, as much as the clients under measurement speak: small, so that little of what is measured is ours."""

import dataclasses
import json
import socket


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Connection:
    """One connection; `receive` keeps what belongs to the next request."""

    def __init__(self, stream: socket.socket):
        # Else an answer waits for the client's delayed acknowledgement of what TLS sent before it: 40 ms that no service takes.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = stream
        self.buffer = b""

    def receive(self) -> Request | None:
        """The next request, or nothing when the peer has hung up."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(method, path, headers, self._body(headers))

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        lines = [f"HTTP/1.1 {status} -"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.stream.sendall("\r\n".join(lines).encode("latin-1") + body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._exactly(int(headers.get("content-length", 0)))
        parts = []
        while True:
            size = int(self._line().split(b";")[0], 16)
            parts.append(self._exactly(size))
            if size == 0:
                while self._line():
                    pass
                return b"".join(parts)
            self._exactly(2)

    def _line(self) -> bytes:
        line = self._until(b"\r\n")
        if line is None:
            raise ConnectionError("the peer hung up within a line")
        return line

    def _until(self, end: bytes) -> bytes | None:
        while end not in self.buffer:
            if not self._more():
                return None
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self._more():
                raise ConnectionError("the peer hung up within a body")
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def _more(self) -> bool:
        try:
            received = self.stream.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += received
        return bool(received)


def listen() -> socket.socket:
    """A listening socket on a free port of the loopback interface."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener
