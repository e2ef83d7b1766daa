# %% ko
# # 5. 글 읽고 답 찾기
#
# 질문과 글을 주면 답이 되는 글자들의 자리를 찾는다. KorQuAD와 같은 꼴의 문제를, 함께 담긴 출장 문장에서 만든다.
# 작은 모형이라 새 문장에서는 자주 틀린다. 채점과 자리를 눈여겨보자.
# %% en
# # 5. Reading
#
# Given a question and a text, the model finds the characters that answer. Questions of KorQuAD's kind are made from the travel sentences that ship.
# The model is small and often wrong on new sentences: look at the places and at how they are judged.
# %%
import json
from importlib.resources import files
from pathlib import Path

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "pretrained").is_dir(), "run 4-pretraining first, in this folder"
QUESTIONS = {
    "소속": "{}의 회사는 어디인가?",
    "방문": "{}의 출장지는 어디인가?",
    "탑승": "{}의 항공편은 무엇인가?",
    "본사": "{}의 본사는 어디인가?",
}


def questions(name):
    made = []
    for line in (sample / name).open(encoding="utf-8"):
        sentence = json.loads(line)
        text, entities = sentence["text"], sentence["entities"]
        for relation in sentence["relations"]:
            subject, answer = (
                text[e["start"] : e["end"]] for e in (entities[relation["subject"]], entities[relation["object"]])
            )
            if relation["label"] in QUESTIONS:
                start = entities[relation["object"]]["start"]
                question = QUESTIONS[relation["label"]].format(subject)
                made.append({"question": question, "context": text, "answers": [{"text": answer, "start": start}]})
    return made


for part in ("train", "dev"):
    lines = (json.dumps(q, ensure_ascii=False) + "\n" for q in questions(f"travel-{part}.jsonl"))
    (folder / f"questions-{part}.jsonl").write_text("".join(lines), encoding="utf-8")
# %%
from malmoi import Predictor
from malmoi.finetune import finetune
from malmoi.training.options import FinetuneOptions

options = FinetuneOptions(epochs=8, lr=2e-3, max_tokens=96, device="cpu")
train, dev = folder / "questions-train.jsonl", folder / "questions-dev.jsonl"
report = finetune("qa", folder / "pretrained", train, folder / "reader", options, dev=dev, force=True)
print(report)
# %%
reader = Predictor.load(folder / "reader", device="cpu")
examples = questions("travel-dev.jsonl")[:5]
for example, found in zip(examples, reader.predict(examples), strict=True):
    print(example["question"], "→", found.text, f"({found.score:.0%})", "|", example["answers"][0]["text"])
    if found.text:
        assert example["context"][found.start : found.end] == found.text
# %% ko
# 답은 언제나 글에서 잘라 낸다. 조각을 이어 붙이지 않으므로 띄어쓰기와 글자가 원문 그대로다.
# %% en
# Answers are cut from the text by their place, never put together from pieces, so every blank and character is the text's own.
# %%
assert report.mean["f1"] > 20
