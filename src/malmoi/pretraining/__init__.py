"""Token shards, training examples, masking, and the pre-training run."""
