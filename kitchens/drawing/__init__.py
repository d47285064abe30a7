"""Pictures of recipes: a graph as a value, and the ways to draw it. Pure text in, pure text out.

graph.py     what is drawn: nodes with what they need, test and came to, nested as deep as asked
rails.py     one row per node with the edges as rails, for a terminal      → text.py
layers.py    which layer, in which order → layout.py, where it lies        → svg.py
mermaid.py, dot.py, document.py    the formats that others draw
"""
