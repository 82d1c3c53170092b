"""Manifests: what a version is made of, written by us or read from what a team has already (docs/manifest.md)."""
