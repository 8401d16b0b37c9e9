"""Named entity recognition by tagging words: an encoder with a linear-chain CRF over [sentence; knowledge] (RiVEG IV-B, PLIM)."""
