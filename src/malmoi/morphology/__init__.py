"""Text to morphemes with Sejong tags, by any of several analysers; none of them is ours."""
