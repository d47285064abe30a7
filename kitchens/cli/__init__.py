"""The command line: parse, one action, show. The only home of click, the terminal and the environment."""
