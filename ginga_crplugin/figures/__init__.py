"""Contact sheets and overviews, drawn with Pillow."""
