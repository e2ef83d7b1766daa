# %% ko
# # 3. 어휘와 자르는 법
#
# 같은 말뭉치를 여러 방법으로 자른다. 조각이 크면 글이 짧아지고, 작으면 뜻이 어절 안에서 끝나는 일(이름, 답)에 맞다.
# %% en
# # 3. Vocabulary and ways to cut
#
# The same corpus, cut in several ways. Large pieces make texts short; small ones suit what ends inside an eojeol: names and answers.
# %%
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp

from malmoi import Tokenizer
from malmoi.corpus.build import build_corpus
from malmoi.tokenizer.build import VocabOptions, build_vocab

folder = Path(mkdtemp())
sample = Path(str(files("malmoi.sample")))
build_corpus([sample / "articles.jsonl"], folder / "corpus")
WAYS = {"eojeol": 3000, "syllable": 2200, "morpheme": 3000, "morpheme-tag": 3400, "lemma": 3000}
reports = {
    way: build_vocab(folder / "corpus", folder / way, VocabOptions(size=size, segment=way))
    for way, size in WAYS.items()
}
# %% ko
# 카드에는 어절 하나가 몇 조각이 되는지, 모르는 글자가 얼마나 되는지가 적혀 있다.
# %% en
# The card says how many pieces an eojeol takes, and how much is unknown.
# %%
from IPython.display import HTML, display

rows = "".join(
    f"<tr><td>{way}</td><td>{r.size:,}</td><td>{r.fertility:.2f}</td><td>{r.unk_rate:.2%}</td></tr>"
    for way, r in reports.items()
)
display(HTML(f"<table><tr><th></th><th>size</th><th>pieces / eojeol</th><th>[UNK]</th></tr>{rows}</table>"))
assert reports["eojeol"].fertility < reports["syllable"].fertility
# %% ko
# 한 문장을 나란히 놓고 본다. 어떻게 자르든 조각마다 **원문에서의 자리**가 있다.
# %% en
# One sentence, side by side. However it is cut, every piece knows **its place in the text**.
# %%
sentence = "꿀벌은 꽃을 찾아다니며 꿀을 모은다."
rows = ""
for way in WAYS:
    encoding = Tokenizer.load(folder / way).encode(sentence, special_tokens=False)
    pieces = " · ".join(encoding.pieces)
    rows += f"<tr><td>{way}</td><td style='text-align:left'>{pieces}</td></tr>"
    assert all(0 <= start <= end <= len(sentence) for start, end in encoding.spans)
display(HTML(f"<table>{rows}</table>"))

encoding = Tokenizer.load(folder / "syllable").encode(sentence, special_tokens=False)
print([sentence[start:end] for start, end in encoding.spans])
assert "".join(sentence[start:end] for start, end in encoding.spans) == sentence.replace(" ", "")
