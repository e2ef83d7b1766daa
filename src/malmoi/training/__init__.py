"""The training loop, its optimisers and its batches; shared by pre-training and fine-tuning."""
