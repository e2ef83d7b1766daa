"""Text that ships with malmoi, written for it: 155 short articles and 1,000 opinions with a label."""
