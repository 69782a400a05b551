"""What the program shows: lines, tables, progress, figures, and how it ends."""
