"""Templates of allowances, rendered in a process that may do nothing else."""
