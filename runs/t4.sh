#!/bin/sh
# A free Colab T4: 15 GB, tensor cores for fp16 only. `--precision auto` chooses fp16 with scaled losses there.
#
# The paper's base; rows of 128 tokens, then of 512 for the last tenth (Devlin et al. 2019, A.2), worked in four parts.
set -eu
DATA=${1:-.}
STEPS=${2:-50000}

# What fits and how long it takes; --accumulate 4 works 64 rows at once.
malmoi plan "$DATA/shards" --size base --device t4 --max-tokens 128 --batch-rows 256 --steps "$STEPS"

# A session ends without asking: keep DATA on a drive that outlives it, and run this again.
malmoi pretrain "$DATA/shards" "$DATA/tokenizer" --out "$DATA/pretrained" --size base --steps "$STEPS" \
    --max-tokens 128 --batch-rows 256 --long-tokens 512 --accumulate 4 \
    --held-out 0.001 --save-every 500 --resume

malmoi report "$DATA/pretrained" --out "$DATA/pretrained.html" --force
