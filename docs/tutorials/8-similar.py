# %% ko
# # 8. 비슷한 질문 찾기: Sent2Vec, BERT, 그리고 둘을 함께
#
# 어느 책방의 자주 묻는 질문 60개가 있다. 손님은 같은 것을 다르게 묻는다: 띄어쓰기를 빼먹고, 조사를 떨어뜨리고, ㅋㅋㅋ를 붙인다.
# 그 물음 120개에 맞는 질문을 찾아 주자. 글은 모두 malmoi에 함께 담긴 것이다.
# %% en
# # 8. Similar questions: Sent2Vec, BERT, and both
#
# A bookshop has 60 frequent questions. Customers ask the same things in other words: without spaces, without particles, with ㅋㅋㅋ. For 120 such
# queries the right question is to be found. All of the text ships with malmoi.
# %%
import json
from importlib.resources import files
from pathlib import Path

folder = Path("tutorial")
sample = Path(str(files("malmoi.sample")))
assert (folder / "pretrained").is_dir(), "run 4-pretraining first, in this folder"


def read(name):
    return [json.loads(line) for line in (sample / name).open(encoding="utf-8")]


questions, pairs, queries = read("faq.jsonl"), read("faq-pairs.jsonl"), read("faq-queries.jsonl")
print(f"{len(questions)} questions, {len(pairs)} paraphrases to learn from, {len(queries)} queries to judge by")
for query in queries[::31]:
    [right] = [question["text"] for question in questions if question["id"] in query["relevant"]]
    print(query["query"], "→", right)
# %% ko
# **Sent2Vec**은 낱말과 낱말 짝의 벡터를 평균한다. 우리 글만으로 몇 초 만에 배운다: `malmoi sent2vec texts.txt --out sent2vec`
# %% en
# **Sent2Vec** averages vectors of words and of pairs of words, learnt on our own text in seconds: `malmoi sent2vec texts.txt --out sent2vec`
# %%
from malmoi.search.sent2vec import train_sent2vec

texts = [question["text"] for question in questions] + [pair["first"] for pair in pairs]
print(train_sent2vec(texts, folder / "sent2vec", force=True))
# %% ko
# 낱말만 보는 BM25, Sent2Vec, 그리고 **배운 적 없는 BERT 벡터**를 나란히 놓는다. 사전 학습만 한 BERT의 벡터는 문장을 견주도록 배우지
# 않았으므로 Sent2Vec보다 못하다. 명령으로는 `malmoi search-eval faq.jsonl faq-queries.jsonl --models sent2vec --models pretrained`
# %% en
# BM25, which sees words alone, Sent2Vec, and **the vectors of a BERT that is only pre-trained**, side by side. Nobody has taught that BERT to compare
# sentences, and it does worse than Sent2Vec: `malmoi search-eval faq.jsonl faq-queries.jsonl --models sent2vec --models pretrained`
# %%
import warnings

from malmoi.search.evaluate import HEADER, evaluate_search

sent2vec, pretrained = folder / "sent2vec", folder / "pretrained"
print(HEADER)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that this BERT never learnt to compare: it is what we want to see
    for row in evaluate_search(
        sample / "faq.jsonl", sample / "faq-queries.jsonl", [sent2vec, pretrained], device="cpu"
    ):
        print(row)
# %% ko
# **BERT를 가르친다.** Sent2Vec이 찾았지만 틀린 질문이 가장 좋은 오답이다(`malmoi mine`). 손님의 말과 맞는 질문은 가까워지고, 아까운 오답은 멀어진다.
# `malmoi index sent2vec faq.jsonl --out index`, `malmoi mine index faq-pairs.jsonl > mined.jsonl`, `malmoi finetune embedding ...`
# %% en
# **Now BERT learns to compare.** What Sent2Vec found and should not have makes the best wrong answers (`malmoi mine`): a customer's words move towards
# the right question and away from near misses.
# `malmoi index sent2vec faq.jsonl --out index`, `malmoi mine index faq-pairs.jsonl > mined.jsonl`, `malmoi finetune embedding ...`
# %%
from malmoi import Index
from malmoi.search.build import build_index
from malmoi.search.contrastive import finetune_embedding
from malmoi.search.mine import mine
from malmoi.search.pairs import read_pairs
from malmoi.training.options import FinetuneOptions

print(build_index(str(sent2vec), sample / "faq.jsonl", folder / "faq-index", force=True))
index = Index.load(folder / "faq-index")
mined = list(mine(index, read_pairs(sample / "faq-pairs.jsonl")))
print(json.dumps(mined[0], ensure_ascii=False, indent=1))
(folder / "mined.jsonl").write_text(
    "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in mined), encoding="utf-8"
)
options = FinetuneOptions(epochs=20, lr=2e-3, device="cpu")
print(finetune_embedding(pretrained, folder / "mined.jsonl", folder / "embedder", options, force=True))
# %% ko
# **둘을 함께.** Sent2Vec이 후보 열 개를 뽑고 BERT가 그중 하나를 고르거나, 두 코사인을 더한다. 잘하는 일이 서로 달라 함께일 때 가장 잘 찾는다.
# %% en
# **Both.** Sent2Vec finds ten candidates and BERT picks one of them; or both cosines are added. The two are good at different things, and best together.
# %%
import numpy as np

from malmoi.search.vectorizer import load_vectorizer


def cosines(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = load_vectorizer(model, device="cpu")
    asked = vectors.encode([query["query"] for query in queries], normalize=True)
    return asked @ vectors.encode([question["text"] for question in questions], normalize=True).T


right = np.array([[question["id"] in query["relevant"] for question in questions] for query in queries])
by_sent2vec, by_pretrained, by_bert = map(cosines, (sent2vec, pretrained, folder / "embedder"))
# Ten of Sent2Vec, the rest out of the question.
ten = by_sent2vec >= np.sort(by_sent2vec, axis=1)[:, -10:-9]
ways = {
    "BERT, only pre-trained": by_pretrained,
    "Sent2Vec": by_sent2vec,
    "BERT that learnt to compare": by_bert,
    "ten of Sent2Vec, one by BERT": np.where(ten, by_bert, -9),
    "Sent2Vec + BERT": by_sent2vec + by_bert,
}
top_1 = {
    name: 100 * float(np.mean(right[np.arange(len(queries)), scores.argmax(axis=1)])) for name, scores in ways.items()
}
for name, share in top_1.items():
    print(f"{name:30} {share:5.1f}")
# %%
for number in range(0, len(queries), 24):
    print(queries[number]["query"])
    for place in np.argsort(-ways["Sent2Vec + BERT"][number])[:3]:
        print("   ", "○" if right[number, place] else "·", questions[place]["text"])
assert top_1["BERT, only pre-trained"] < top_1["Sent2Vec"] < top_1["ten of Sent2Vec, one by BERT"]
assert top_1["Sent2Vec + BERT"] > top_1["Sent2Vec"] + 5
# %% ko
# **두 글을 함께 읽는 BERT**(짝 분류)로 다시 줄 세우는 것이 다음 단계다. 후보와 물음을 한 입력에 넣으니 낱말끼리 견줄 수 있지만, 훨씬 많이 배워야 한다.
# 150걸음만 사전 학습한 위의 모형은 900쌍으로 아무것도 배우지 못한다. malmoi에 담긴 `malmoi-small`은 배운다. 그래도 후보를 뽑은 Sent2Vec만 못하니,
# 순서까지 맡기려면 수만 쌍이 있어야 한다. 명령은 같다.
# %% en
# The next step is a **BERT that reads both texts at once** (a pair classifier) to put the candidates in order. It can compare word with word, but must
# learn far more. The model above, pre-trained for 150 steps, learns nothing from 900 pairs; `malmoi-small`, which ships, does. It is still behind
# Sent2Vec, which found the candidates: to leave the order to it takes tens of thousands of pairs. The commands are the same.
# %%
from malmoi.finetune import finetune
from malmoi.search.answer import Reranker
from malmoi.search.options import MineOptions

lines = mine(index, read_pairs(sample / "faq-pairs.jsonl"), MineOptions(target="pair"))
(folder / "mined-pairs.jsonl").write_text(
    "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
)
options = FinetuneOptions(epochs=8, lr=2e-4, device="cpu")
print(finetune("pair", "malmoi-small", folder / "mined-pairs.jsonl", folder / "pair", options, force=True))

reranker = Reranker.load(folder / "pair", device="cpu")
found = []
for number, query in enumerate(queries):
    candidates = np.flatnonzero(ten[number])
    judged = reranker.scores(query["query"], [questions[place]["text"] for place in candidates])
    found.append(right[number, candidates[int(np.argmax(judged))]])
among_ten = np.mean((right & ten).any(axis=1))
print(f"{np.mean(found):.1%} of the right ones first, {among_ten / 10:.1%} by chance, {among_ten:.1%} among the ten")
assert np.mean(found) > 2 * among_ten / 10
# %% ko
# 쓸 때: `malmoi index embedder faq.jsonl --out index`, 그리고 `malmoi answer index '책이 안와요ㅠㅠ' --threshold 0.3` 낱말과 벡터를 함께 보고, 자신이 없으면
# 답하지 않는다. `--rerank pair`를 붙이면 짝 분류기가 줄을 세운다.
# %% en
# In use: `malmoi index embedder faq.jsonl --out index`, then `malmoi answer index '책이 안와요ㅠㅠ' --threshold 0.3`, which looks at words and vectors
# and gives no answer when it is not sure; with `--rerank pair` the pair classifier puts the candidates in order.
# %%
from malmoi.search.answer import Answerer

build_index(str(folder / "embedder"), sample / "faq.jsonl", folder / "faq-index", force=True)
answerer = Answerer(Index.load(folder / "faq-index", device="cpu"))
for question in ("배송비 얼마에요?", "비번을 까먹었어요ㅋㅋㅋ", "아이 그림책 추천"):
    print(question, "→", answerer.answer(question).text)
