"""The stars of a frame, and which of them a result touches."""
