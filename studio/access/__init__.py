"""Roles and what they may do: rules only, no rows."""
