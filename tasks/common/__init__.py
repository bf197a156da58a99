"""What every room shares: errors, the stage store, child processes and progress."""
