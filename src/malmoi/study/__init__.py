"""Ways to cut Korean, side by side: the same recipe from text to task scores for each."""
