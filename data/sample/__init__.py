"""The bundled sample: every flight out of New York in 2013, scored by three versions of a model. See README.md."""
