"""P7: texts a second over HTTP against the same model in process, 1, 8 and 64 clients, mixed lengths.

The service is `malmoi serve` in a process of its own on the loopback; clients keep their connection and send one text
a request. In process, `Predictor.predict` gets as many texts at once as there are clients. Clients share the machine's
cores with the service, which real ones do not: so they are one thread that sends bytes made before and reads no more of
an answer than its status and its length.

    python benchmarks/serving.py [--quick] [--texts 2048]
"""

import argparse
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from machine import describe
from service_process import port_of
from serving_models import make_small, sample_texts

from malmoi.export import ExportOptions, export_model
from malmoi.predictor import Predictor

ROUTE = "/v1/models/m/predict"


@contextmanager
def serving(model: Path) -> Iterator[int]:
    """A service; its port."""
    command = [sys.executable, "-m", "malmoi.cli", "serve", f"m={model}", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        port = port_of(process.stderr)
        # Its log must be read, or it would stop at a full pipe.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: [None for _ in process.stderr or ()])
            yield port
            process.terminate()
            process.wait(60)
    finally:
        process.kill()


def requests_of(texts: list[str]) -> list[bytes]:
    """What goes over the wire for each text."""
    bodies = [json.dumps({"examples": [{"text": text}]}, ensure_ascii=False).encode() for text in texts]
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: malmoi\r\nContent-Type: application/json\r\nContent-Length: "
    return [head.encode() + b"%d\r\n\r\n" % len(body) + body for body in bodies]


class Client:
    """A connection that is kept, and what it has still to ask."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.waiting, self.answer, self.times = iter(requests), b"", list[float]()

    def ask(self) -> bool:
        """Send the next request; False where there is none."""
        self.answer, self.started = b"", time.perf_counter()
        request = next(self.waiting, None)
        if request is not None:
            self.connection.sendall(request)
        return request is not None

    def hear(self) -> bool:
        """Take what has come; True where the answer is whole."""
        self.answer += self.connection.recv(65_536)
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return False
        assert head.startswith(b"HTTP/1.1 200 "), self.answer
        self.times.append(time.perf_counter() - self.started)
        return True


def ask_all(port: int, texts: list[str], n_clients: int) -> tuple[float, list[float]]:
    """Seconds for all texts, and for each."""
    requests = requests_of(texts)
    clients = [Client(port, requests[number::n_clients]) for number in range(n_clients)]
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        for client in clients:
            if client.ask():
                selector.register(client.connection, selectors.EVENT_READ, client)
        while selector.get_map():
            for key, _ in selector.select():
                if key.data.hear() and not key.data.ask():
                    selector.unregister(key.data.connection)
        seconds = time.perf_counter() - started
    for client in clients:
        client.connection.close()
    return seconds, [each for client in clients for each in client.times]


def in_process(predictor: Predictor, texts: list[str], n_at_once: int) -> float:
    started = time.perf_counter()
    for start in range(0, len(texts), n_at_once):
        predictor.predict([{"text": text} for text in texts[start : start + n_at_once]])
    return time.perf_counter() - started


def compare(size: str, n_texts: int, repeats: int) -> None:
    texts = sample_texts(n_texts)
    with tempfile.TemporaryDirectory() as name:
        export_model(make_small(Path(name) / "m", size=size), Path(name) / "int8", ExportOptions(int8=True))
        predictor = Predictor.load(Path(name) / "int8")
        with serving(Path(name) / "int8") as port:
            print(f"{size}, int8")
            for n_clients in (1, 8, 64):
                ask_all(port, texts[: 4 * n_clients], n_clients)
                over, inside, latencies = [], [], []
                for _ in range(repeats):
                    seconds, times = ask_all(port, texts, n_clients)
                    over.append(len(texts) / seconds)
                    latencies += times
                    inside.append(len(texts) / in_process(predictor, texts, n_clients))
                    time.sleep(2)  # the threads it used wait busily for a while, on the service's cores
                ratio = statistics.median(over) / statistics.median(inside)
                p50, p99 = (1000 * statistics.quantiles(latencies, n=100)[i] for i in (49, 98))
                print(
                    f"  {n_clients:>3} clients: {statistics.median(over):>7.0f} a second, in process "
                    f"{statistics.median(inside):>7.0f}, ratio {ratio:.2f}; p50 {p50:.1f} ms, p99 {p99:.1f} ms"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts, the small shape only")
    parser.add_argument("--texts", type=int, default=2048, help="for the small shape; base gets a quarter of them")
    arguments = parser.parse_args()
    print(describe("onnxruntime", "fastapi", "uvicorn"))
    if arguments.quick:
        compare("small", 256, 1)
        return
    compare("small", arguments.texts, 3)
    compare("base", arguments.texts // 4, 3)


if __name__ == "__main__":
    main()
