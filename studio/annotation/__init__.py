"""Annotation: the rules of labelling, the next batch, the simulated annotator, and when to stop."""
