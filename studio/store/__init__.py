"""The only place with SQL: one connection, one module per group of tables."""
