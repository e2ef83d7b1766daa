"""Search: vectors of texts, indexes, answers."""
