#!/bin/sh
# The paper's base on one large GPU (80 GB, bf16): 128 tokens a row, 512 for the last tenth; more rows as it learns.
set -eu
STEPS=${1:-200000}

malmoi plan shards --size base --device h100 --max-tokens 128 --batch-rows 1024 --steps "$STEPS" --price-per-hour 2.5

malmoi pretrain shards tokenizer --out pretrained --size base --steps "$STEPS" \
    --max-tokens 128 --batch-rows 1024 --batch-ramp 0.05 --long-tokens 512 \
    --mask-rate 0.3 --mask-rate-end 0.15 --masking word \
    --held-out 0.001 --save-every 2000 --tensorboard --resume

malmoi report pretrained --out pretrained.html --force
