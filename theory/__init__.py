"""The exact mathematics of speculative decoding: laws, couplings, transport, bounds, proofs."""
