"""The cookbook itself: how it comes to be, what it lacks, its recipes as they are written, its vault."""
