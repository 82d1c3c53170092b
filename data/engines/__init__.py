"""One module an engine; all give the same profile."""
