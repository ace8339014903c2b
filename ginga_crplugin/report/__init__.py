"""The report of a batch as a web page."""
