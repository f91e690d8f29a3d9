"""Comparisons with the vendors' own packages, each asked through one small Node.js script.

``scripts/npm_packages`` brings them. Without Node.js or without the packages these tests are skipped, in words that
show in the report; under CI that is a failure.
"""
