"""What was decided, in refs that push and fetch carry.

refs/kitchens/<name>        a commit chain over `kitchen.toml`: registration, settings, landings
refs/attestations/gate      a tree of in-toto statements by fingerprint: what passed which gate
refs/deleted/<name>/<time>  the tips of deleted kitchens
"""
