"""The services of a kitchen: their containers, their ports, the data that they begin with."""
