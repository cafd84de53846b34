"""A client that sends whatever it is told to: bytes on a socket, and the answers that come back."""

import http.client
import socket
import ssl
from dataclasses import dataclass, field

# The longest wait for an answer. Nothing in the corpus needs as much, a busy machine apart.
ANSWER_WAIT_S = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict = field(repr=False)
    body: bytes = field(repr=False)

    def __str__(self):
        return f"{self.status} {self.headers.get('x-amzn-errortype', '')} {self.body[:300]!r}"


def connect(port, tls=False, timeout=ANSWER_WAIT_S):
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return connection
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def send(connection, data):
    """Sends all of it, unless the server stops listening before: its answer may say why."""
    try:
        for part in [data] if isinstance(data, bytes) else data:
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        pass


def receive(connection, method="POST"):
    """The next answer, or nothing if the server closed the connection without one."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
    except (http.client.BadStatusLine, ConnectionResetError, ssl.SSLError):
        return None
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)


def exchange(port, data, answers=1, method="POST", ends=False, tls=False):
    """Sends `data` on a connection of its own and gives up to `answers` answers; `ends` closes our side after it."""
    with connect(port, tls) as connection:
        send(connection, data)
        if ends:
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        got = []
        while len(got) < answers:
            answer = receive(connection, method)
            if answer is None:
                break
            got.append(answer)
        return got


def until_closed(port, data, ends=True, tls=False):
    """Sends `data` and gives all bytes that come back until the server closes."""
    with connect(port, tls) as connection:
        send(connection, data)
        back = b""
        try:
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                back += part
        except OSError:
            pass
        return back


def request(method, path, headers=(), body=b"", host="localhost"):
    """A request whose head is well-formed."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    names = {line.split(":")[0].lower() for line in headers}
    if not names & {"content-length", "transfer-encoding"} and (body or method in ("POST", "PUT")):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body
