"""Fit one map, or several with -m. See `python train.py --help`."""

from gpattention.cli import train

if __name__ == "__main__":
    train()
