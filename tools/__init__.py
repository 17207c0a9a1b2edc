"""Scripts that make the environment and exercise the project; not part of the library."""
