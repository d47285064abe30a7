"""Where a kitchen's processes run: the toolchain of both runtimes, and the docker runtime.

choose ──> toolchain (this machine: an interpreter or a virtual environment)
   └─────> image (docker) ──> docker_runtime ──> agent (a `sh` loop in the container)
                 └────────────────┴──> engine (the one home of the docker SDK)
"""
