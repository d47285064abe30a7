"""Runs recipes: graphs of nodes with tests and process control at every step.

The engine knows no git, no kitchen, no container, no terminal and no web. What it
needs from outside comes in through the protocols of `kitchens_engine.ports`.

    toml ──> language ──> running ──> records
    (places)    │            ├─ kinds      what a node does
       templating            ├─ testing    measures, rules, functional tests
                             └─ runtimes   where its processes execute

`recipe`, `order` and `outcome` are the nouns; `worker.py` runs inside the toolchain.
"""
