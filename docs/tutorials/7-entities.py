# %% ko
# # 7. 개체명 15가지
#
# 사람, 장소, 날짜, 동물, 이론… 한국정보통신기술협회(TTA) 표준은 개체를 15가지로 나눈다. 함께 담긴 문장은 틀에 이름을 끼워 만든 것이라 뜻은 엉뚱해도
# 종류는 맞다. 평가 문장은 틀이 다르고, 처음 나오는 이름이 섞여 있다. 실제로는 KONEC 같은 자료를 쓴다: `malmoi data list`
# %% en
# # 7. Entities of 15 types
#
# Person, location, date, animal, theory … The standard of TTA knows 15 types of entities. The sentences that ship were made of patterns and names, so
# their sense is odd and their types are right; those to judge by have other patterns, and some names that are new. In earnest take a data set like KONEC: `malmoi data list`.
# %%
from importlib.resources import files
from pathlib import Path

from malmoi.tasks.tta import TTA_TYPES

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "pretrained").is_dir(), "run 4-pretraining first, in this folder"
train, dev = sample / "entities-train.txt", sample / "entities-dev.txt"
print(TTA_TYPES)
print(*train.read_text(encoding="utf-8").splitlines()[:3], sep="\n")
# %% ko
# 표시는 `<이름:종류>`이다. 글자 자리로 바뀌어, 어떻게 자르는 토크나이저든 조각마다 꼬리표(B, I, O)를 받는다. 이름은 어절 안에서 끝나므로
# (`서울에서`) 음절로 자른 어휘가 맞다. 명령으로는 `malmoi finetune tagging pretrained --train entities-train.txt --dev entities-dev.txt --out tagger`
# %% en
# Entities are marked as `<name:type>`. They become places of characters, and the pieces of any tokenizer get their tags (B, I, O) from these. Names end
# inside words (`서울에서`), so a vocabulary of syllables fits. As a command: `malmoi finetune tagging pretrained --train entities-train.txt --dev entities-dev.txt --out tagger`
# %%
from malmoi import Predictor
from malmoi.finetune import finetune
from malmoi.predictor import evaluate_file
from malmoi.tasks.tta import entity_table
from malmoi.training.options import FinetuneOptions

options = FinetuneOptions(epochs=12, lr=2e-3, batch_size=16, max_tokens=64, device="cpu")
print(finetune("tagging", folder / "pretrained", train, folder / "tagger", options, dev=dev, force=True))
tagger = Predictor.load(folder / "tagger", device="cpu")
scores = evaluate_file(tagger, dev, errors=folder / "entity-errors.jsonl")
print(entity_table(scores["per_label"]))
# %% ko
# 시각처럼 꼴이 있는 것은 처음 보아도 찾고, 본 적 없는 이름은 자주 틀린다. 그것을 채우는 것이 사전 학습이며, 여기 모형은 150걸음밖에 배우지 않았다.
# %% en
# What has a form, like the time of day, is found when it is new; names never seen are often wrong. Pre-training fills that gap, and this model has had 150 steps of it.
# %%
mine = ["작년 가을 구슬기는 경주에서 첨성대를 보았다.", "고래는 오후 3시에 독도 근처에서 발견되었다."]
for text, prediction in zip(mine, tagger.predict([{"text": text} for text in mine]), strict=True):
    print(text)
    for entity in prediction.entities:
        print(f"   {entity.label} {TTA_TYPES[entity.label]:<13} {text[entity.start : entity.end]}")
# %% ko
# 틀린 것을 본다.
# %% en
# What was wrong:
# %%
import json

for line in (folder / "entity-errors.jsonl").read_text(encoding="utf-8").splitlines()[:4]:
    wrong = json.loads(line)
    text = wrong["text"]
    gold, found = (
        {(text[e["start"] : e["end"]], e["label"]) for e in entities}
        for entities in (wrong["entities"], wrong["prediction"]["entities"])
    )
    print(text, "| missed", gold - found, "| wrong", found - gold)
assert scores["metrics"]["f1"] > 40
assert set(scores["per_label"]) <= set(TTA_TYPES)
