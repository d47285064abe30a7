"""One run: its loop over the graphs, from the order to the record."""
