"""Whether the values of some examples lie above those of others, as every room judges it."""

from studio.statistics import chance_of_more

__all__ = ["chance_of_more"]
