"""Foreign log formats, one module each, recognised by their shape and turned into plain rows before anything else looks at them."""
