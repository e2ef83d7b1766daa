# %% ko
# # 9. 관계, 그리고 그래프
#
# 누가 어느 회사 사람이고 무엇을 타고 어디로 갔는가. 문장에 개체와 관계를 함께 적은 파일 하나로 두 모형을 가르치고, 처음 보는 글을 그래프로 그린다.
# %% en
# # 9. Relations, and the graph
#
# Who works where, and who flew where with what? One file with entities and relations teaches two models, and a text they have not seen becomes a
# graph.
# %%
import json
from importlib.resources import files
from pathlib import Path

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "pretrained").is_dir(), "run 4-pretraining first, in this folder"
train, dev = sample / "travel-train.jsonl", sample / "travel-dev.jsonl"
print(json.dumps(json.loads(train.open(encoding="utf-8").readline()), ensure_ascii=False, indent=1)[:400])
# %%
from malmoi import Predictor
from malmoi.finetune import finetune
from malmoi.tasks.tta import entity_table
from malmoi.training.options import FinetuneOptions

options = FinetuneOptions(epochs=20, lr=2e-3, batch_size=16, device="cpu")
print(finetune("tagging", folder / "pretrained", train, folder / "entities", options, dev=dev, force=True))
entities = Predictor.load(folder / "entities", device="cpu")
examples = [entities.task.example_from_json(json.loads(line)) for line in dev.open(encoding="utf-8")]
scores = entities.evaluate(examples)
print(entity_table(scores.per_label))
# %% ko
# 관계 모형은 한 문장의 모든 개체 짝을 방향까지 따져 본다. 파일에 적히지 않은 짝은 `no_relation`이다.
# %% en
# The relation model looks at every ordered pair of entities in a sentence. Pairs that the file does not name are `no_relation`.
# %%
options = FinetuneOptions(epochs=5, lr=2e-3, device="cpu")
report = finetune("relation", folder / "pretrained", train, folder / "relations", options, dev=dev, force=True)
print(report)
# %% ko
# 이제 글 하나를 통째로: `malmoi graph travel.txt --entities tutorial/entities --relations tutorial/relations --out graph.html`
# %% en
# Now a whole text: `malmoi graph travel.txt --entities tutorial/entities --relations tutorial/relations --out graph.html`
# %%
from html import escape

from IPython.display import HTML, display

from malmoi.graph.extract import find_graph, write_graph

relations = Predictor.load(folder / "relations", device="cpu")
graph = find_graph((sample / "travel.txt").read_text(encoding="utf-8"), entities, relations)
print(write_graph(graph, folder / "graph.html", force=True))
page = (folder / "graph.html").read_text(encoding="utf-8")
display(HTML(f'<iframe srcdoc="{escape(page)}" width="100%" height="720" style="border:0"></iframe>'))
# %%
for edge in graph.edges[:8]:
    subject, other = graph.entities[edge.subject], graph.entities[edge.object]
    sentence = graph.sentences[edge.evidence[0][0]].text
    print(f"{subject.name} —{edge.label}→ {other.name} ({edge.score:.0%}): {sentence}")
assert scores.metrics["f1"] > 40 and report.mean["micro_f1"] > 40 and len(graph.edges) >= 8
