"""What a team shares at a remote: how it arrives here, and how what is ours gets there."""
