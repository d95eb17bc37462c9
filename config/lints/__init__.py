"""What is probably a mistake in a configuration that can be loaded, one subject after another."""
