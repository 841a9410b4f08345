"""A reputation service on the loopback interface, in a process of its own, as the engine forks.

It answers by a plan: path to a list of answers, of which the last is given again and again; "*" stands for any other
path. Whatever it is asked, with verb, path and headers, is told by `questions()`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = r"""
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder, asked = Path(sys.argv[1]), {}

class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        with (folder / "questions").open("a") as log:
            log.write(json.dumps([self.command, self.path, dict(self.headers)]) + "\n")
        plan = json.loads((folder / "plan.json").read_text())
        answers = plan.get(self.path) or plan["*"]
        asked[self.path] = asked.get(self.path, 0) + 1
        self.give(**answers[min(asked[self.path], len(answers)) - 1])

    def give(self, status=200, text="", headers=(), sleep=0, drip=0, repeat=1, echo=""):
        time.sleep(sleep)
        if echo:
            text = text.replace("ECHO", self.headers.get(echo, ""))
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        body = text.encode("utf-8", "surrogateescape")
        self.send_header("Content-Length", str(len(body) * repeat))
        self.end_headers()
        for _ in range(repeat):
            for at in range(0, len(body), 1) if drip else (None,):
                time.sleep(drip)
                self.wfile.write(body if at is None else body[at:at + 1])
                self.wfile.flush()

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Loopback:
    """The running service; `address` ends without a slash."""

    address: str
    folder: Path

    def plan(self, path: str, *answers: dict[str, Any]) -> None:
        """Answer requests of `path` in this order: `status`, `text`, `headers`, `sleep`, `drip`, `repeat`, `echo`."""
        file = self.folder / "plan.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {path: answers}))

    def questions(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return verb, path and headers of all requests so far."""
        file = self.folder / "questions"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(verb, path, headers) for verb, path, headers in map(json.loads, lines)]


@contextmanager
def loopback(folder: Path) -> Iterator[Loopback]:
    """Run the service; `folder` takes its plan and its log."""
    folder.mkdir()
    (folder / "plan.json").write_text('{"*": [{"status": 404, "text": "<html>nothing here</html>"}]}')
    program = [sys.executable, "-c", _PROGRAM, str(folder)]
    with (
        pytest.MonkeyPatch.context() as environment,
        subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
    ):
        environment.setenv("NO_PROXY", "127.0.0.1")
        environment.setenv("no_proxy", "127.0.0.1")
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Loopback(f"http://127.0.0.1:{port}", folder)
        finally:
            process.kill()
