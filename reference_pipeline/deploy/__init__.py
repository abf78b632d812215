"""Wiring of the reference pipeline: ``prepare`` builds the trained template, ``local`` starts it."""
