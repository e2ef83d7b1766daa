#!/bin/sh
# The models in src/malmoi/models/, from public data, on two cores: pre-training about three hours, the rest about one and a half.
#
#   DATA/wiki/          Korean Wikipedia, as `malmoi corpus` reads it             CC BY-SA 3.0
#   DATA/reviews.txt    the 662,386 reviews NSMC was drawn from, without its test CC0
#   DATA/nsmc/          ratings_train.txt, ratings_test.txt                       CC0
#   DATA/konec/         konec-train.tsv, konec-test.tsv                           CC BY-SA 4.0
#   DATA/korsts/, DATA/klue-sts.csv                                               CC BY-SA 4.0
set -eu
DATA=${1:?usage: runs/models_that_ship.sh DATA}

# Three characters of Wikipedia for two of reviews; a third of it is enough to learn 32,000 pieces from.
cat > mix.jsonl <<END
{"name": "wiki", "inputs": ["$DATA/wiki"], "weight": 3}
{"name": "reviews", "inputs": ["$DATA/reviews.txt"], "weight": 2}
END
malmoi corpus --mix mix.jsonl --min-chars 10 --near-duplicates none --out corpus
find corpus -name 'part-*.jsonl' | sort | awk 'NR % 3 == 1' | xargs cat > third.jsonl
malmoi vocab third.jsonl --segment morpheme-learnt --size 32000 --out tokenizer
malmoi shards corpus tokenizer --out shards

malmoi pretrain shards tokenizer --out pretrained --size small --objective mlm \
    --batch-rows 128 --steps 4000 --warmup 0.04 --long-tokens 512 --long-share 0.1 \
    --held-out 0.005 --eval-every 500 --save-every 250 --seed 1 --resume
malmoi report pretrained --out pretrained.html --force

# On with articles it has not read, as much of them as of the reviews, and now with next sentences too: texts that stand
# together are to be read together.
cut -d '"' -f 4 corpus/part-*.jsonl | sort > read.txt
malmoi corpus "$DATA/wiki" --near-duplicates none --out all
mkdir -p unread
cat all/part-*.jsonl | awk -F '"' 'NR == FNR { read[$1]; next } !($4 in read)' read.txt - > unread/part-00000.jsonl
cat > mix.jsonl <<END
{"name": "wiki", "inputs": ["unread"], "weight": 1}
{"name": "reviews", "inputs": ["$DATA/reviews.txt"], "weight": 1}
END
malmoi corpus --mix mix.jsonl --min-chars 10 --near-duplicates none --out more-corpus
malmoi shards more-corpus tokenizer --out more-shards
malmoi pretrain more-shards tokenizer --from pretrained --out more --size small --objective mlm+nsp \
    --batch-rows 128 --steps 3500 --warmup 0.03 --decay 0.7 --lr 1.5e-3 --muon-lr 0.015 \
    --long-tokens 512 --long-share 0.1 --held-out 0.005 --eval-every 400 --save-every 200 --seed 2 --resume
malmoi report more --out more.html --force
malmoi export more --trainable --out malmoi-small

malmoi finetune classification malmoi-small --train "$DATA/nsmc/ratings_train.txt" --epochs 2 --batch-size 64 --out sentiment
malmoi export sentiment --int8 --dev "$DATA/nsmc/ratings_test.txt" --out malmoi-small-sentiment

malmoi finetune tagging malmoi-small --train "$DATA/konec/konec-train.tsv" --unit syllable --out entities
malmoi export entities --int8 --dev "$DATA/konec/konec-test.tsv" --out malmoi-small-entities

python - "$DATA" > sts.jsonl <<'END'
import json, sys
from malmoi.tasks.catalog import read_examples
from malmoi.tasks.regression import Regression
from pathlib import Path
for name in ("korsts/sts-train.tsv", "klue-sts.csv"):
    for pair in read_examples(Regression, Path(sys.argv[1], name)):
        print(json.dumps({"first": pair.first, "second": pair.second, "score": pair.score}, ensure_ascii=False))
END
malmoi finetune embedding malmoi-small --train sts.jsonl --dev "$DATA/korsts/sts-dev.tsv" --out embedding
malmoi export embedding --int8 --out malmoi-small-embedding
