"""How files of every kind are read: opening, encodings, and one module per kind."""
