"""Training on TRL's trainers: what MRSI and CVO need beyond them."""
