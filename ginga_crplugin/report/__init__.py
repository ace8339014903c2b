"""The HTML report of a batch."""
