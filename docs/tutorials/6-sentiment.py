# %% ko
# # 6. 좋다는 말인가, 나쁘다는 말인가
#
# 함께 담긴 짧은 의견 800개로 배우고, 본 적 없는 200개로 판단한다. `--from-scratch`와 견주면 사전 학습이 무엇을 보탰는지 알 수 있다.
# %% en
# # 6. Sentiment
#
# Learnt from the 800 short opinions that ship, judged by 200 others. Compared with `--from-scratch` it shows what pre-training added.
# %%
from importlib.resources import files
from pathlib import Path

from malmoi import Predictor
from malmoi.finetune import finetune
from malmoi.training.options import FinetuneOptions

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "pretrained").is_dir(), "run 4-pretraining first, in this folder"
train, dev = sample / "opinions-train.tsv", sample / "opinions-dev.tsv"
options = FinetuneOptions(epochs=8, device="cpu")
report = finetune("classification", folder / "pretrained", train, folder / "sentiment", options, dev=dev, force=True)
print(report)
# %%
predictor = Predictor.load(folder / "sentiment", device="cpu")
mine = ["두 번 봐도 재미있어요.", "음식은 식었고 직원은 불친절했다.", "기대는 안 했는데 생각보다 괜찮네요."]
for text, prediction in zip(mine, predictor.predict([{"text": text} for text in mine]), strict=True):
    print(f"{prediction.label:>9} {prediction.probabilities[prediction.label]:.0%}  {text}")
# %% ko
# 틀린 것을 보는 일이 점수를 보는 일보다 낫다: `malmoi evaluate tutorial/sentiment dev.tsv --errors errors.jsonl`
# %% en
# Looking at what is wrong tells more than the score: `malmoi evaluate tutorial/sentiment dev.tsv --errors errors.jsonl`
# %%
import json

from malmoi.predictor import evaluate_file

scores = evaluate_file(predictor, dev, errors=folder / "errors.jsonl")
print(scores["metrics"], scores["confusion"])
for line in (folder / "errors.jsonl").read_text(encoding="utf-8").splitlines()[:5]:
    wrong = json.loads(line)
    print(wrong["label"], "≠", wrong["prediction"]["label"], "|", wrong["text"])
assert scores["metrics"]["accuracy"] > 60
