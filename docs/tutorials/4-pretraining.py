# %% ko
# # 4. 사전 학습, 그리고 배우는 모습 보기
#
# 가려진 낱말을 맞히고, 두 글이 이어지는지 맞히며 배운다. 함께 담긴 글은 아주 적으므로 여기서는 **배우기 시작하는 모습**만 본다.
# 결과는 `tutorial/`에 남고, 다음 길잡이들이 그것을 쓴다.
# %% en
# # 4. Pre-training, and watching it learn
#
# The model guesses hidden words, and whether two texts belong together. The text that ships is tiny, so all there is to see is **how learning
# begins**. The result stays in `tutorial/`, where the next tutorials use it.
# %%
import json
from importlib.resources import files
from pathlib import Path

from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.shards import build_shards
from malmoi.tokenizer.build import VocabOptions, build_vocab

folder = Path("tutorial")
folder.mkdir(exist_ok=True)
sample = Path(str(files("malmoi.sample")))
texts = [json.loads(line)["text"] for line in (sample / "travel-train.jsonl").open(encoding="utf-8")]
texts += [line.split("\t")[0] for line in (sample / "opinions-train.tsv").open(encoding="utf-8")][1:]
(folder / "sentences.jsonl").write_text(
    "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8"
)
inputs = [sample / "articles.jsonl", folder / "sentences.jsonl"]
print(build_corpus(inputs, folder / "corpus", CorpusOptions(min_chars=8), force=True))
build_vocab(folder / "corpus", folder / "tokenizer", VocabOptions(size=2600, segment="syllable"), force=True)
print(build_shards(folder / "corpus", folder / "tokenizer", folder / "shards", force=True))
# %% ko
# `--size tiny`는 두 층 128차원이다. 실제로는 `--size small --budget 2h`로 시작한다.
# %% en
# `--size tiny` is two layers of width 128. In earnest begin with `--size small --budget 2h`.
# %%
options = PretrainOptions(size="tiny", steps=150, device="cpu", log_every=10)
report = pretrain(folder / "shards", folder / "tokenizer", folder / "pretrained", options, force=True)
print(report)
# %% ko
# `log.jsonl`에 몇 걸음마다 한 줄씩 쌓인다. 가려진 낱말의 손실을 그려 보자.
# %% en
# `log.jsonl` grows by a line every few steps. The loss of the hidden words:
# %%
from IPython.display import HTML, display

log = [json.loads(line) for line in (folder / "pretrained" / "log.jsonl").open(encoding="utf-8")]
steps, losses = [line["step"] for line in log], [line["masked_lm_loss"] for line in log]
low, high = min(losses), max(losses)
points = " ".join(
    f"{30 + 540 * step / steps[-1]:.0f},{20 + 160 * (high - loss) / (high - low):.0f}"
    for step, loss in zip(steps, losses, strict=True)
)
display(
    HTML(
        f'<svg width="600" height="220"><polyline points="{points}" fill="none" stroke="#2f5d50" stroke-width="2"/>'
        f'<text x="30" y="14" font-size="12" fill="#888">{high:.2f}</text>'
        f'<text x="545" y="198" font-size="12" fill="#888">{low:.2f}</text></svg>'
    )
)
assert losses[-1] < losses[0] - 0.5
