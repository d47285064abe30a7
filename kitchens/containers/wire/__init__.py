"""An engine's HTTP interface over a local socket, spoken directly: unix (requests and streams) ──> calls (the SDK's, by name).

The SDK, with the HTTP library below it, takes 0.1 s to import; what every command needs takes none of it.
"""
