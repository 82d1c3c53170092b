"""What to watch and how to judge it: tables and arrays in, tables out."""
