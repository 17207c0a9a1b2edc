"""Arrays and frames in, Plotly figures out."""
