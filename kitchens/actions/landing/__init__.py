"""How a kitchen moves: merge, promote, rollback; and the proof afterwards."""
