#!/bin/sh
# One machine with several GPUs, or one of several machines, by plain torchrun.
#
#   one machine:     runs/multi_gpu.sh
#   on each of two:  NODES=2 HEAD=first-machine:29400 runs/multi_gpu.sh
#
# shards/, tokenizer/ and pretrained/ lie on a disk that all machines see. A worker that dies takes its round with it:
# torchrun starts all of them again, and --resume goes on from the newest save.
set -eu
NODES=${NODES:-1}
HEAD=${HEAD:-localhost:29400}
GPUS=${GPUS:-8}
STEPS=${STEPS:-125000}
# A store of its own for every attempt: in a shared one a restarted worker may read where a dead one listened, and wait.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

torchrun --nnodes="$NODES" --nproc-per-node="$GPUS" --rdzv-backend=c10d --rdzv-endpoint="$HEAD" --max-restarts=5 \
    -m malmoi.cli pretrain shards tokenizer --out pretrained --size base --steps "$STEPS" \
    --max-tokens 128 --batch-rows 4096 --long-tokens 512 \
    --held-out 0.001 --save-every 1000 --resume
