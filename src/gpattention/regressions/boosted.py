"""Gradient-boosted trees, grown by scikit-learn and kept as tensors, so that predicting needs nothing but torch.

Letters: N individuals, B batch, L loci, E environments, C candidates, T trees, V nodes of all trees.
"""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.output.progress import progress_bar
from gpattention.regressions.measured import measured
from gpattention.training.closed_form import ClosedFormMap

LEAST_VALIDATION = 20  # values, below which there is nothing to stop by
TREES_AT_ONCE = 1 << 20  # individuals times trees
PATIENCE = 100  # trees without a gain, after which growing ends


class Trees(NamedTuple):
    """Trees of all environments; a leaf is its own child."""

    feature: Tensor  # (V,) position of a locus
    threshold: Tensor  # (V,) an allele up to it goes left
    child: Tensor  # (V, 2) positions of nodes
    value: Tensor  # (V,) of leaves, what they add
    root: Tensor  # (T,) positions of nodes
    environment: Tensor  # (T,) position of the environment
    start: Tensor  # (E,) what the trees add to
    depth: Tensor  # the largest


class Boosted(ClosedFormMap):
    """Each environment on its own: trees that are grown one after another on what those before leave, as many as validation wants.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        leaves: candidates of the most leaves of a tree; chosen on validation.
        learning_rate: by which each tree is shrunk.
        max_trees: most trees.
        min_individuals: fewest of a leaf.
        l2: penalty of the values of leaves.
        locus_fraction: share of the loci that a split may choose from, drawn anew for each.
        refit: grow once more on training and validation part, as many trees.

    Raises:
        InputError: a value is out of range.
    """

    feature: Tensor
    threshold: Tensor
    child: Tensor
    value: Tensor
    root: Tensor
    environment: Tensor
    start: Tensor
    depth: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        leaves: list[int],
        learning_rate: float = 0.05,
        max_trees: int = 5000,
        min_individuals: int = 20,
        l2: float = 1.0,
        locus_fraction: float = 0.5,
        refit: bool = False,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not leaves or min(leaves) < 2 or max_trees < 1 or min_individuals < 1 or l2 < 0:
            raise InputError(
                f"model.leaves={leaves}, max_trees={max_trees}, min_individuals={min_individuals}, l2={l2:g}: give at least one number "
                "of leaves, from 2 on, trees and individuals from 1 on, and a penalty from 0 on"
            )
        if not 0 < learning_rate <= 1 or not 0 < locus_fraction <= 1:
            raise InputError(
                f"model.learning_rate={learning_rate}, locus_fraction={locus_fraction}: give shares above 0, up to 1"
            )
        self.n_loci, self.leaves, self.max_trees, self.refit = n_loci, leaves, max_trees, refit
        self.growing = {
            "learning_rate": learning_rate,
            "min_samples_leaf": min_individuals,
            "l2_regularization": l2,
            "max_features": locus_fraction,
        }
        for name, values in no_trees(len(environment_names))._asdict().items():
            self.register_buffer(name, values)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        state = checkpoint["state_dict"]
        for name in Trees._fields:
            setattr(self, name, torch.empty_like(state[name], device=self.device))
        n_nodes, indices = len(state["value"]), (state["child"], state["root"])
        inside = all(bool(((index >= 0) & (index < n_nodes)).all()) for index in indices)
        if not inside or not bool(((state["feature"] >= 0) & (state["feature"] < self.n_loci)).all()):
            raise InputError("its trees name nodes or loci that are not there")

    @property
    def trees(self) -> Trees:
        return Trees(**{name: getattr(self, name) for name in Trees._fields})

    def n_fitted(self) -> int:
        """Leaves, and the start of each environment; 0 before it is solved."""
        leaf = self.child[:, 0] == torch.arange(len(self.child), device=self.child.device)
        return int(leaf.sum()) + len(self.start) if len(self.root) else 0

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        return predict(self.trees, genotype_BL)

    def solve(self) -> None:
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        train, val = datamodule.train, datamodule.batch_of(datamodule.training_data.split.val)
        self.candidates: list[Trees] = []
        self.n_trees = np.zeros((len(self.leaves), len(self.environment_names)), dtype=np.int64)
        with progress_bar() as bar:
            task = bar.add_task("boosted", total=self.n_trees.size, note="")
            for number, leaves in enumerate(self.leaves):
                grown = []
                for column in range(len(self.environment_names)):
                    one = self.grow(train, column, leaves, val=val)
                    self.n_trees[number, column] = len(one.root)
                    grown.append(one)
                    bar.advance(task)
                self.candidates.append(together(grown))

    def grow(
        self, train: Batch, column: int, leaves: int, val: Batch | None = None, n_trees: int | None = None
    ) -> Trees:
        """Trees of one environment: as many as the validation part wants, or as many as are given."""
        genotype, phenotype, weight = measured(train, column)
        if not len(phenotype):  # no training value at all: the mean is all there is to predict
            return no_trees(1)
        held_out = measured(val, column) if val is not None else None
        stops = held_out is not None and len(held_out[1]) >= LEAST_VALIDATION
        grower = HistGradientBoostingRegressor(
            **self.growing,
            max_leaf_nodes=leaves,
            max_iter=n_trees or self.max_trees,
            early_stopping=n_trees is None,
            n_iter_no_change=PATIENCE,
            random_state=torch.initial_seed() % 2**32,
        )
        given = {}
        if stops:
            assert held_out is not None
            given = {"X_val": held_out[0], "y_val": held_out[1], "sample_weight_val": held_out[2]}
        grower.fit(genotype, phenotype, weight, **given)
        kept = n_trees or int(np.argmax(grower.validation_score_))  # the first score is of no tree
        return as_tensors(grower, kept)

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        return torch.stack([predict(to(one, genotype_BL.device), genotype_BL) for one in self.candidates], dim=1)

    def keep(self, best_E: Tensor) -> None:
        best = best_E.tolist()
        grown = [of_environment(self.candidates[candidate], column) for column, candidate in enumerate(best)]
        self.take(together(grown))
        if self.refit:
            batch = self.batch_to_refit()
            for column, candidate in enumerate(best):
                if n_trees := int(self.n_trees[candidate, column]):
                    grown[column] = self.grow(batch, column, self.leaves[candidate], n_trees=n_trees)
            self.take(together(grown))
        del self.candidates

    def take(self, trees: Trees) -> None:
        """Make these trees the map."""
        for name, values in to(trees, self.device)._asdict().items():
            setattr(self, name, values)


def no_trees(n_environments: int) -> Trees:
    """The mean for everybody."""
    index, real = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.float64)
    start = torch.zeros(n_environments, dtype=torch.float64)
    return Trees(index, real, index.reshape(0, 2), real, index, index, start, torch.zeros((), dtype=torch.int64))


def as_tensors(grower: HistGradientBoostingRegressor, n_trees: int) -> Trees:
    """The first trees of a fitted regressor."""
    start = torch.from_numpy(np.ravel(grower._baseline_prediction).astype(np.float64)[:1])
    if not n_trees:
        return no_trees(1)._replace(start=start)
    nodes = [predictors[0].nodes for predictors in grower._predictors[:n_trees]]
    root = np.cumsum([0, *map(len, nodes)])[:-1]
    whole, offset = np.concatenate(nodes), np.repeat(root, [len(one) for one in nodes])
    leaf, own = whole["is_leaf"].astype(bool), np.arange(len(whole))
    children = np.stack(
        [np.where(leaf, own, whole[side].astype(np.int64) + offset) for side in ("left", "right")], axis=1
    )
    return Trees(
        feature=torch.from_numpy(np.where(leaf, 0, whole["feature_idx"]).astype(np.int64)),
        threshold=torch.from_numpy(np.where(leaf, 0, whole["num_threshold"]).astype(np.float64)),
        child=torch.from_numpy(children),
        value=torch.from_numpy(np.where(leaf, whole["value"], 0).astype(np.float64)),
        root=torch.from_numpy(root),
        environment=torch.zeros(n_trees, dtype=torch.int64),
        start=start,
        depth=torch.tensor(int(whole["depth"].max())),
    )


def together(grown: list[Trees]) -> Trees:
    """The trees of one environment after another, as one."""
    offset = np.cumsum([0, *(len(one.value) for one in grown)])[:-1].tolist()
    return Trees(
        feature=torch.cat([one.feature for one in grown]),
        threshold=torch.cat([one.threshold for one in grown]),
        child=torch.cat([one.child + first for one, first in zip(grown, offset, strict=True)]),
        value=torch.cat([one.value for one in grown]),
        root=torch.cat([one.root + first for one, first in zip(grown, offset, strict=True)]),
        environment=torch.cat([one.environment + column for column, one in enumerate(grown)]),
        start=torch.cat([one.start for one in grown]),
        depth=torch.stack([one.depth for one in grown]).max(),
    )


def of_environment(trees: Trees, column: int) -> Trees:
    """The trees of one environment alone; the nodes of a tree lie together, in the order of the trees."""
    rows = torch.nonzero(trees.environment == column)[:, 0]
    if not len(rows):
        return no_trees(1)._replace(start=trees.start[[column]])
    first, after = trees.root[rows[0]], int(rows[-1]) + 1
    last = trees.root[after] if after < len(trees.root) else len(trees.value)
    nodes = slice(int(first), int(last))
    return Trees(
        feature=trees.feature[nodes],
        threshold=trees.threshold[nodes],
        child=trees.child[nodes] - first,
        value=trees.value[nodes],
        root=trees.root[rows] - first,
        environment=torch.zeros_like(rows),
        start=trees.start[[column]],
        depth=trees.depth,
    )


def to(trees: Trees, device: torch.device) -> Trees:
    return Trees(*(values.to(device) for values in trees))


def predict(trees: Trees, genotype_BL: Tensor) -> Tensor:
    """(B, E) sums of the leaves that (B, L) genotypes come to."""
    genotype_BL = genotype_BL.double()
    predicted_BE = trees.start.repeat(len(genotype_BL), 1)
    if not len(trees.root):
        return predicted_BE
    rows_at_once = max(1, TREES_AT_ONCE // len(trees.root))
    for start in range(0, len(genotype_BL), rows_at_once):
        part = genotype_BL[start : start + rows_at_once]
        node_BT = trees.root.expand(len(part), -1)
        for _ in range(int(trees.depth)):
            right_BT = part.gather(1, trees.feature[node_BT]) > trees.threshold[node_BT]
            node_BT = trees.child[node_BT, right_BT.long()]
        predicted_BE[start : start + rows_at_once].index_add_(1, trees.environment, trees.value[node_BT])
    return predicted_BE
