"""How many parameters maps have, beside what the paper says of them."""

import pandas as pd
import torch

from gpattention.errors import InputError
from gpattention.models.attention import Attention
from gpattention.models.transformer import Transformer
from gpattention.output.terminal import print_table


def show_parameters(*, n_loci: int, embedding_dim: int, n_layers: int, n_environments: int) -> None:
    """Print the table of `count_parameters`."""
    table = count_parameters(n_loci, embedding_dim, n_layers, n_environments)
    title = f"Parameters for L = {n_loci:,}, d = {embedding_dim}, {n_layers} layers, E = {n_environments}"
    print_table(table, title)


def count_parameters(n_loci: int, embedding_dim: int, n_layers: int, n_environments: int) -> pd.DataFrame:
    """A row for every map: environments that it serves, parameters, the paper's formula and the number it gives.

    Networks are built, on no device, and counted. The paper gives formulae for one environment and counts neither the
    constant feature nor its weights (Section I).

    Args:
        n_loci: L.
        embedding_dim: d.
        n_layers: attention layers.
        n_environments: E of the maps of several environments.

    Raises:
        InputError: a number below 1.
    """
    given = {
        "n_loci": n_loci,
        "embedding_dim": embedding_dim,
        "n_layers": n_layers,
        "n_environments": n_environments,
    }
    for name, value in given.items():
        if value < 1:
            raise InputError(f"{name}={value}: give a whole number from 1 on")
    size = {"n_loci": n_loci, "embedding_dim": embedding_dim, "n_layers": n_layers}
    with torch.device("meta"):
        attention = Attention(**size)  # type: ignore[arg-type]
        several = Attention(**size, n_environments=n_environments, environment="token")  # type: ignore[arg-type]
        transformer = Transformer(**size)  # type: ignore[arg-type]
        joint = Transformer(**size, n_environments=n_environments, environment="joint")  # type: ignore[arg-type]
    n_pairs = n_loci * (n_loci - 1) // 2
    by_paper = 2 * n_loci * embedding_dim + 3 * n_layers * embedding_dim**2 + 1
    rows = [
        ("linear", 1, 1 + n_loci, "1 + L", 1 + n_loci),
        ("pairwise", 1, 1 + n_loci + n_pairs, "1 + L + L (L - 1) / 2", 1 + n_loci + n_pairs),
        ("attention", 1, count(attention), "2 L d + 3 layers d^2 + 1", by_paper),
        ("multi_environment_attention", n_environments, count(several), None, None),
        ("transformer", 1, count(transformer), None, None),
        ("transformer, joint", n_environments, count(joint), None, None),
    ]
    columns = ["map", "environments", "parameters", "paper's formula", "by the paper"]
    return pd.DataFrame(rows, columns=columns).astype({"by the paper": "Int64"})


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
