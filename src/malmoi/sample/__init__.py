"""Text that ships with malmoi, written for it: 155 short articles, 1,000 opinions with a label, and business travel.

`travel-train.jsonl` and `travel-dev.jsonl` are sentences with entities and relations, made of patterns and invented
names (other patterns and names in the second); `travel.txt` is a text of the same kind without labels.
"""
