"""The L.A.Cosmic engine and its reference, ccdproc."""
