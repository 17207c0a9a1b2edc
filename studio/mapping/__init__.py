"""Neighbours, the two-dimensional map, clusters and polygons: pure arrays in, arrays out."""
