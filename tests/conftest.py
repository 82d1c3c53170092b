"""What all tests share."""

from hypothesis import settings

# A timed test fails on a busy machine; the cases are the same on every run, so that a red build is red for everyone.
settings.register_profile("vigia", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("vigia")
