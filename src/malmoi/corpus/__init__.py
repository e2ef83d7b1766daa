"""From raw files to a corpus: one clean document a record, filtered, each text once."""
