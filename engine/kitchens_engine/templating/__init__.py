"""Templates and conditions: Jinja2, sandboxed and strict, and imported only where there is something to fill."""
