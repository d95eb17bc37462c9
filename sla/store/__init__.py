"""What must survive: deliveries, facts, promises, sayings. The tables are the truth."""
