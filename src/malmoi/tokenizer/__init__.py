"""From a corpus to a vocabulary, and from text to pieces with their place in the original."""
