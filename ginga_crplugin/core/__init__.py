"""Detection of cosmic rays, checks and review decisions on arrays, without files or displays."""
