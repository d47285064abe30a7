"""How nodes run: the agent in a container, and what stands around a process."""
