"""Reading and writing of frames, masks and reviews."""
