# %% ko
# # 10. 서비스로 내놓기
#
# 모형을 int8로 내보내면 PyTorch 없이 CPU에서 돈다. HTTP로 묻고, 브라우저로는 놀이터에서 써 본다.
# %% en
# # 10. Serving
#
# Exported as int8 a model runs on a CPU without PyTorch. Ask it over HTTP, or try it on the playground in a browser.
# %%
from importlib.resources import files
from pathlib import Path

from malmoi.export import ExportOptions, export_model

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "sentiment").is_dir(), "run 6-sentiment first, in this folder"
print(
    export_model(
        folder / "sentiment",
        folder / "sentiment8",
        ExportOptions(int8=True),
        dev=sample / "opinions-dev.tsv",
        force=True,
    )
)
# %% ko
# `malmoi serve tutorial/sentiment8 --port 8000`을 터미널에서 치는 것과 같다. http://127.0.0.1:8000 이 놀이터다.
# %% en
# The same as `malmoi serve tutorial/sentiment8 --port 8000` in a terminal; http://127.0.0.1:8000 is the playground.
# %%
import json
import socket
import subprocess
import sys
import time
import urllib.request

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
command = [sys.executable, "-m", "malmoi.cli", "serve", str(folder / "sentiment8"), "--port", str(port)]
service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


for _ in range(300):
    try:
        print(ask("/v1/models"))
        break
    except OSError:
        time.sleep(0.2)
# %%
answer = ask(
    "/v1/models/sentiment8/predict", {"examples": [{"text": "두 번 봐도 재미있어요."}, {"text": "너무 지루했다."}]}
)
service.terminate()
service.wait(timeout=30)
print(json.dumps(answer, ensure_ascii=False, indent=1))
assert [set(p) for p in answer["predictions"]] == [{"label", "probabilities"}] * 2
