"""What the panels in Ginga and in notebooks share."""
