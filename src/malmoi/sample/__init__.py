"""Text that ships with malmoi, written for it: 155 short articles, 1,000 opinions with a label, and more.

`travel-train.jsonl` and `travel-dev.jsonl` are sentences about business travel with entities and relations, made of
patterns and invented names (other patterns and names in the second); `travel.txt` is a text of the same kind without
labels. `entities-train.txt` and `entities-dev.txt` are made in the same way, of all 15 types of entities: their sense
is odd. `faq.jsonl` are 60 questions to a bookshop; `faq-pairs.jsonl` and `faq-queries.jsonl` ask the same in other
words, to learn from and to judge by.
"""
