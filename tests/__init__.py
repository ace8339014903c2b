"""Tests; a package, so that packages of the same name that others install are not found instead."""
