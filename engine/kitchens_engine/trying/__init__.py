"""One try of a node: when it may start, what it is given, who carries it out, and what it leaves."""
