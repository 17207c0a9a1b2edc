"""Records in, text a person reads outside Winnow out: the dataset card, the marked difference of two texts."""
