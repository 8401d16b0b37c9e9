"""The commands of `mcr`. They may import every room; nothing imports them."""
