"""What the runs of a sweep come to: tables and figures over all of them."""
