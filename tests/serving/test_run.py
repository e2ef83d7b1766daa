"""The service under load, at its limits and at its end: nothing lost, nothing swapped, no fault."""

import http.client
import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from service import Reply, Service, ask_on, serving

from malmoi.search.embedder import Embedder

WORDS = ["고래가", "바다에서", "숨을", "쉰다", "책을", "읽고", "노래를", "부르며", "먼", "길을", "걷는다"]
TEXTS = [" ".join(WORDS[i % 7 : i % 7 + 1 + i % 5] * (1 + i % 4 * 3)) + f" {i}" for i in range(40)]


def many(service: Service, n_clients: int, n_each: int, path: str = "/embed") -> list[tuple[int, Reply]]:
    """Clients that keep their connection and each ask for texts of their own, one after the other."""

    def client(number: int) -> list[tuple[int, Reply]]:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        replies = []
        for turn in range(n_each):
            which = (number * n_each + turn) % len(TEXTS)
            replies.append((which, ask_on(connection, "POST", path, {"inputs": TEXTS[which]})))
        connection.close()
        return replies

    with ThreadPoolExecutor(n_clients) as pool:
        return [reply for replies in pool.map(client, range(n_clients)) for reply in replies]


@pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
def test_many_clients_get_their_own_answers(service: Service, exported: Path) -> None:
    expected = Embedder.load(exported / "pretrained").encode(TEXTS)
    replies = many(service, 24, 10)
    assert Counter(reply.status for _, reply in replies) == {200: 240}
    for which, reply in replies:
        distances = ((expected - reply.body[0]) ** 2).sum(1)
        assert distances.argmin() == which and distances[which] < 1e-8


def test_clients_that_hang_up_leave_no_trace(service: Service) -> None:
    body = json.dumps({"inputs": TEXTS[:8]}).encode()
    head = f"POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for number in range(40):
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sock:
            sock.sendall(head.encode() + (body if number % 2 else body[:20]))
    assert service.post("/embed", {"inputs": TEXTS[0]})
    deadline = time.monotonic() + 10
    while service.metric("malmoi_queue_examples") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.metric("malmoi_queue_examples") == 0
    lines = service.ask("GET", "/metrics").body.splitlines()
    assert not [line for line in lines if line.startswith("malmoi_requests_total") and 'status="5' in line]


def test_slow_clients_are_cut_off_and_hold_nobody_up(exported: Path) -> None:
    head = b"POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with serving(f"base={exported / 'pretrained'}", "--read-timeout-s", 2) as service:
        slow = [socket.create_connection(("127.0.0.1", service.port), timeout=30) for _ in range(200)]
        for number, sock in enumerate(slow):
            # Nothing; half a head; a head and half a body.
            sock.sendall((b"", head, head + b"Content-Length: 100\r\n\r\n{")[number % 3])
        started = time.monotonic()
        assert service.post("/embed", {"inputs": TEXTS[0]})
        assert service.metric("malmoi_queue_examples") == 0
        answers = Counter(sock.recv(4096)[:12] for sock in slow)
        assert time.monotonic() - started < 20
        # The rest of the refusal follows; then the connection ends.
        assert answers == {b"": 134, b"HTTP/1.1 408": 66}
        for sock in slow:
            sock.close()
        huge = socket.create_connection(("127.0.0.1", service.port), timeout=30)
        with suppress(OSError):
            huge.sendall(head + b"X-Large: " + b"a" * 2_000_000)
        with suppress(ConnectionResetError):
            assert huge.recv(4096) in (b"", b"HTTP/1.1 400 Bad Request")
        huge.close()
        assert service.post("/embed", {"inputs": TEXTS[0]})


@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_of_a_hundred_megabytes_is_refused_before_it_is_read(service: Service, has_length: bool) -> None:
    length = b"Content-Length: 100000000" if has_length else b"Transfer-Encoding: chunked"
    before = resident_mb(service)
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as sock:
        sock.sendall(b"POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + length + b"\r\n\r\n")
        megabyte = b"a" * 1_000_000
        with suppress(OSError):  # refused while it is being sent
            for _ in range(100):
                sock.sendall(megabyte if has_length else b"%x\r\n%s\r\n" % (len(megabyte), megabyte))
        with suppress(ConnectionResetError):
            assert sock.recv(4096).startswith(b"HTTP/1.1 413")
    assert resident_mb(service) - before < 20
    assert service.post("/embed", {"inputs": TEXTS[0]})


def resident_mb(service: Service) -> float:
    """Memory of the service's process."""
    path = Path(f"/proc/{service.process.pid}/statm")
    if not path.is_file():
        pytest.skip("there is no /proc to read memory from")
    return int(path.read_text().split()[1]) * resource.getpagesize() / 1e6


def test_overload_is_answered_with_429_and_when_to_come_back(exported: Path) -> None:
    with serving(f"base={exported / 'pretrained'}", "--max-queue", 2, "--max-examples", 2) as service:
        replies = [reply for _, reply in many(service, 24, 6)]
        counts = Counter(reply.status for reply in replies)
        assert set(counts) == {200, 429}, counts
        refused = next(reply for reply in replies if reply.status == 429)
        assert int(refused.headers["retry-after"]) >= 1 and refused.body["error"]["type"] == "overloaded"
        assert service.metric('malmoi_rejected_total{reason="overload"}') == counts[429]


def test_sigterm_answers_everything_that_was_taken(exported: Path) -> None:
    with serving(f"base={exported / 'pretrained'}") as service:
        outcomes: Counter[str] = Counter()
        lock, begun = threading.Lock(), threading.Semaphore(0)

        def client() -> None:
            while True:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
                    connection.connect()
                except OSError:
                    return  # no new connections any more: refused, not lost
                try:
                    reply = ask_on(connection, "POST", "/embed", {"inputs": TEXTS[:4]})
                    outcome = str(reply.status)
                except (http.client.HTTPException, OSError):
                    outcome = "closed before it was taken"
                connection.close()
                with lock:
                    outcomes[outcome] += 1
                begun.release()

        threads = [threading.Thread(target=client) for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            assert begun.acquire(timeout=30)
        code, log = service.stop()
        for thread in threads:
            thread.join(30)
    assert code == 0
    answered = [json.loads(line) for line in log.splitlines() if '"request"' in line]
    taken = [line for line in answered if line["route"] == "/embed"]
    # Everything whose request reached a route was answered with success, and the client read that answer.
    assert {line["status"] for line in taken} == {200}
    assert outcomes["200"] == len(taken)
    assert set(outcomes) <= {"200", "closed before it was taken"}


def test_a_model_is_replaced_while_requests_run(exported: Path, tmp_path: Path) -> None:
    directory = tmp_path / "base"
    shutil.copytree(exported / "pretrained", directory)
    with serving(directory) as service:
        done = threading.Event()
        statuses: Counter[int] = Counter()

        def client() -> None:
            while not done.is_set():
                statuses[service.ask("POST", "/embed", {"inputs": TEXTS[0]}).status] += 1

        thread = threading.Thread(target=client)
        thread.start()
        try:
            (directory / "manifest.json").write_text("{}", encoding="utf-8")
            hang_up(service, 'malmoi_reloads_total{model="base",outcome="done"}')
            (directory / "model.onnx").write_bytes(b"broken")
            (directory / "manifest.json").write_text("{ }", encoding="utf-8")
            hang_up(service, 'malmoi_reloads_total{model="base",outcome="failed"}')
        finally:
            done.set()
            thread.join(30)
        assert set(statuses) == {200}
        assert service.post("/embed", {"inputs": TEXTS[0]})  # the old one goes on


def hang_up(service: Service, metric: str) -> None:
    """Ask for a reload and wait until it has happened."""
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while not service.metric(metric):
        assert time.monotonic() < deadline, f"{metric} never counted"
        time.sleep(0.05)


def test_several_processes_share_the_port_and_end_together(exported: Path) -> None:
    with serving(f"base={exported / 'pretrained'}", "--workers", 2) as service:
        assert {reply.status for _, reply in many(service, 4, 5)} == {200}
        assert service.stop()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["{missing}"], "does not exist"),
        (["{model}", "{model}"], "two models"),
        (["{model}", "--api-key-file", "{missing}"], "expected one key a line"),
        (["{model}", "--max-queue", "1"], "max_queue"),
        (["{model}", "--port", "{taken}"], "choose another --port"),
    ],
    ids=["missing", "one name twice", "no keys", "limits", "port taken"],
)
def test_what_cannot_be_served(exported: Path, tmp_path: Path, arguments: list[str], word: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {
            "model": exported / "model",
            "missing": tmp_path / "missing",
            "taken": taken.getsockname()[1],
        }
        filled = [argument.format_map(places) for argument in arguments]
        command = [sys.executable, "-m", "malmoi.cli", "serve", *filled]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    [error] = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert word in error
