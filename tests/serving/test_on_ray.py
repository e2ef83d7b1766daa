"""The service on Ray Serve: a real Ray on this machine, asked over HTTP."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from malmoi.predictor import Predictor

pytest.importorskip("ray.serve", reason='ray[serve] is not installed: pip install "ray[serve]"', exc_type=ImportError)
TEXT = "정말 재미있고 좋았다."
# In a process of its own: Ray leaves threads and settings behind. Its service speaks a protocol of its own between
# proxy and replica, so what is asked here has gone through it.
SCRIPT = """
import json, sys, urllib.error, urllib.request
import ray
from ray import serve
from malmoi.errors import OptionError
from malmoi.serving.on_ray import build

model, port = sys.argv[1:]
for wrong in ({"models": [model], "prot": 1}, {"models": ["a=b", "a=c"]}, {"models": [model], "port": 1}):
    try:
        build(wrong)
    except OptionError as error:
        print(error)
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
serve.start(http_options={"port": int(port)})
serve.run(build({"models": ["review=" + model], "threads": 1, "deployment": {"ray_actor_options": {"num_cpus": 1}}}))

def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

body = {"examples": [{"text": "TEXT"}]}
for asked in (("/readyz",), ("/",), ("/v1/models/review/predict", body), ("/v1/models/none/predict", body)):
    print("ANSWER", json.dumps(ask(*asked)), flush=True)
serve.shutdown()
""".replace("TEXT", TEXT)


def free_port() -> int:
    """A port that nobody gets who asks for any: before Ray binds ours, it and other tests open many of those."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port below 32,000 is free")


@pytest.mark.slow
def test_the_same_answers_through_ray(exported: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", SCRIPT, str(exported / "model"), str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert result.returncode == 0, result.stderr[-3000:]
    lines = result.stdout.splitlines()
    assert "'prot' is unknown" in lines[0] and "two models" in lines[1] and "'port' is unknown" in lines[2]
    # Ray writes lines of its own between.
    answers = [json.loads(line.removeprefix("ANSWER ")) for line in lines if line.startswith("ANSWER ")]
    ready, page, predicted, unknown = answers
    assert ready[0] == 200 and page[0] == 200 and "<title>말모이</title>" in page[1]
    expected = Predictor.load(exported / "model").predict([{"text": TEXT}])[0].to_json()
    assert predicted[0] == 200 and json.loads(predicted[1])["predictions"] == [expected]
    assert unknown[0] == 404 and json.loads(unknown[1])["error"]["type"] == "not_found"
