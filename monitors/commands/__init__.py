"""The command line by subject: each module declares its commands with `declare(add)`, which `python -m monitors` calls."""
