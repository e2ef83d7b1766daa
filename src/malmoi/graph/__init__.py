"""Relations of a text as one graph: found, merged, laid out and written."""
