#!/bin/sh
# A small Korean BERT on a laptop's processor, overnight. TEXT: files or folders of Korean text.
#
#   corpus -> vocabulary -> shards -> plan -> pre-training -> report
set -eu
TEXT=${1:?usage: runs/laptop.sh TEXT [BUDGET]}
BUDGET=${2:-8h}

malmoi corpus "$TEXT" --out corpus --workers 2
malmoi vocab corpus --out tokenizer --size 16000
malmoi shards corpus tokenizer --out shards --workers 2

# How much does that time give? (a probe of 20 seconds)
malmoi plan shards --size small --budget "$BUDGET"

# Ctrl-C, a flat battery or a crash cost nothing: the same command goes on.
malmoi pretrain shards tokenizer --out pretrained --size small --budget "$BUDGET" \
    --held-out 0.002 --save-every 250 --resume

malmoi report pretrained --out pretrained.html --force
