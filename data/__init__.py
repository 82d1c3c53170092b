"""All that touches files, SQL and engines."""
