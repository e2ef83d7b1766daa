"""Tasks: what an example is, which rows of token ids it becomes, how the model's outputs become an answer."""
