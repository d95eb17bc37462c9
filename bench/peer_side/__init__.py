"""What runs in the peers' environment."""
