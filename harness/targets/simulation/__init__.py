"""A system on a virtual clock: the same keepers, faults and proofs, on processes that are simulated."""
