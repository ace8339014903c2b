"""The state of a panel."""
