"""Speed, measured: `make bench` runs every bench_*.py and prints one JSON object a line."""
