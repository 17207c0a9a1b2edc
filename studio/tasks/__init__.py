"""What a worker does for each run kind: a module per kind with `run(task) -> dict`, joined from the pure packages."""
