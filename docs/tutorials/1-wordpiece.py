# %% ko
# # 1. WordPiece가 하는 일
#
# 낱말을 글자로 쪼개고, 말뭉치에서 가장 자주 이웃하는 두 조각을 붙이기를 되풀이한다. 낱말의 첫 글자가 아닌 조각에는 `##`이 붙는다.
# 그래서 `철`과 `##철`은 다른 조각이다. 여섯 어절짜리 말뭉치로 한 걸음씩 따라가 보자.
# %% en
# # 1. What WordPiece does
#
# Words are split into characters; the two pieces that stand side by side most often are joined, again and again. A piece that does
# not begin its word carries `##`, so `철` and `##철` are two pieces. Here it is step by step, on a corpus of six words, two of them alike.
# %%
from collections import Counter

from IPython.display import HTML, display

from malmoi.tokenizer.bpe import PairMerger, symbols_of

corpus = "경찰청 철창살은 외철창살이고 검찰청 철창살은 쌍철창살이다"
words = Counter(corpus.split())
merger = PairMerger((symbols_of(word), count) for word, count in words.items())


def show(title, new=None):
    rows = ""
    for word, pieces in zip(words, merger.words(), strict=True):
        cells = "".join(
            f"<td style='text-align:left;{'background:#f6e8c8;color:#222' if piece == new else ''}'>{piece}</td>"
            for piece in pieces
        )
        rows += f"<tr><th style='text-align:left'>{word} × {words[word]}</th>{cells}</tr>"
    pairs = ", ".join(f"{a}+{b}: {n}" for (a, b), n in merger.pair_counts().items() if n > 1)
    display(HTML(f"<b>{title}</b><table>{rows}</table><p>2 ≤ n: {pairs}</p>"))


show("0")
# %% ko
# 가장 잦은 짝은 `##창 ##살`이다. 네 번 나온다. 횟수가 같으면 말뭉치에 먼저 나온 짝을 붙인다. 세 번 붙여 보자.
# %% en
# The most frequent pair is `##창 ##살`, four times. Of pairs seen equally often the one seen first is joined. Three merges:
# %%
merges = merger.merges()
for _ in range(3):
    merge = next(merges)
    show(f"{merge.step}: {merge.pair[0]} + {merge.pair[1]} → {merge.symbol} ({merge.count})", merge.symbol)
# %% ko
# 마지막으로 말뭉치를 다시 자른다. **그때 서 있는 조각만** 어휘가 된다. `##살`이나 `##찰`처럼 남김없이 붙어 버린 조각은 없다.
# %% en
# Now the corpus is cut once more, and **the pieces that stand in it** are the vocabulary. What was merged away, like `##살`, is not.
# %%
vocabulary = list(dict.fromkeys(piece for pieces in merger.words() for piece in pieces))
print(len(vocabulary), " ".join(vocabulary))
assert vocabulary == ["경", "##찰청", "철창살", "##은", "외", "##철", "##창살", "##이", "##고", "검", "쌍", "##다"]
# %% ko
# 새 낱말은 앞에서부터 가장 긴 조각으로 자른다. `malmoi vocab --n-merges 3`이 똑같은 일을 한다. 글자를 모르면 낱말 전체가 `[UNK]`가 된다.
# 그래서 실제 어휘에는 글자 하나하나를 `X`와 `##X`로 모두 넣어 둔다.
# %% en
# A new word is cut from the front into the longest pieces. `malmoi vocab --n-merges 3` does the same. A word with an unknown character is
# `[UNK]`, which is why a real vocabulary keeps every character as `X` and as `##X`.
# %%
from pathlib import Path
from tempfile import mkdtemp

from malmoi import Tokenizer
from malmoi.tokenizer.build import VocabOptions, build_vocab

folder = Path(mkdtemp())
(folder / "corpus.txt").write_text(corpus, encoding="utf-8")
build_vocab(folder / "corpus.txt", folder / "pure", VocabOptions(n_merges=3, min_count=1))
tokenizer = Tokenizer.load(folder / "pure")
for word in ("철창살", "외철창살은", "검찰청은", "쌍무지개"):
    print(word, "→", " ".join(tokenizer.encode(word, special_tokens=False).pieces))
assert tokenizer.encode("검찰청은", special_tokens=False).pieces == ["검", "##찰청", "##은"]
assert tokenizer.encode("쌍무지개", special_tokens=False).pieces == ["[UNK]"]
