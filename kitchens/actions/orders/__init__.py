"""Order runs: started, watched, taken up again, compared."""
