"""Conjugate gradients: of shifted systems (A + shift) x = b by one sequence of products, and of several at once.

Residuals of shifted systems are multiples of one another, so that one sequence of directions serves them all
(Jegerlehner 1996, hep-lat/9612014; van den Eshof and Sleijpen 2004). Letters: K systems, S shifts, T unknowns, M values.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gpattention.errors import InputError
from gpattention.output.progress import progress_bar

MAX_ITERATIONS = 2000


class ConjugateGradients(torch.optim.Optimizer):
    """Solves K systems, symmetric and positive definite, at S shifts each; a step is one iteration of all.

    An optimizer, so that a Trainer counts its steps and keeps its state in checkpoints. Before the first step the caller
    puts the right-hand sides b into `image`, before every other one the products A `direction`, and into `values` what else
    it knows of the direction that is linear in it; `solution_values` are then those of the solutions. A system at a shift
    stays as it is once it is solved.

    Args:
        image: (K, T), taken and set to zero by each step; its type and device are those of all vectors that are kept. Sums
            are taken in float64.
        n_values: M.
        shifts: S of them, above 0.
        tolerance: norm of the residual, relative to that of b, at which a system is solved.
    """

    def __init__(self, image: Tensor, n_values: int, shifts: list[float], tolerance: float) -> None:
        super().__init__([image], {})
        self.image = image
        self.values = torch.zeros(len(image), n_values, dtype=torch.float64, device=image.device)
        self.shifts = torch.tensor(sorted(shifts), dtype=torch.float64, device=image.device)
        self.tolerance = tolerance

    @property
    def kept(self) -> dict[str, Any]:
        """The state that checkpoints hold; empty before the first step."""
        return self.state[self.image]

    @property
    def direction(self) -> Tensor:
        """(K, T) directions whose products with A the next step takes."""
        return self.kept["directions"][0]

    @property
    def solutions(self) -> Tensor:
        """(S, K, T) of the shifts in rising order."""
        return self.kept["solutions"]

    @property
    def solution_values(self) -> Tensor:
        """(S, K, M) float64."""
        return self.kept["solution_values"]

    @property
    def relative_residual(self) -> Tensor:
        """(S, K) norms, relative to those of b; 0 where b is 0."""
        norm_K = self.kept["squares"].sqrt()
        first_K = self.kept["first_squares"].sqrt()
        return torch.where(first_K > 0, self.kept["ratio"].abs() * norm_K / first_K, 0.0)

    @property
    def solved(self) -> Tensor:
        """(S, K) which systems need no further step."""
        return self.relative_residual <= self.tolerance

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One iteration, or the start of all systems; a closure is not called."""
        if self.kept:
            self.iterate()
        else:
            self.start()
        self.image.zero_()

    def start(self) -> None:
        each = len(self.shifts), *self.image.shape
        squares = dot(self.image, self.image)
        values = self.values.new_zeros(*each[:2], self.values.shape[1])
        self.kept.update(
            residual=self.image.clone(),
            directions=self.image.expand(each).clone(),
            solutions=self.image.new_zeros(each),
            values_before=self.values.clone(),
            direction_values=values,
            solution_values=values.clone(),
            squares=squares,
            first_squares=squares.clone(),
            # Of the first shift: the length of its last step, and the share of the last direction in the next.
            step_before=squares.new_ones(each[1]),
            turn_before=squares.new_zeros(each[1]),
            # Of each shift: the share of its last direction, and its residual as a multiple of the first shift's.
            turns_before=squares.new_zeros(each[:2]),
            ratio=squares.new_ones(each[:2]),
            ratio_before=squares.new_ones(each[:2]),
        )

    def iterate(self) -> None:
        kept, open_SK = self.kept, ~self.solved
        residual, direction, squares = kept["residual"], self.direction, kept["squares"]
        ratio, before, step_before = kept["ratio"], kept["ratio_before"], kept["step_before"]
        turn_before = kept["turn_before"]
        residual_values = self.values - turn_before[:, None] * kept["values_before"]
        kept["direction_values"] = (
            ratio[..., None] * residual_values + kept["turns_before"][..., None] * kept["direction_values"]
        )
        kept["values_before"] = self.values.clone()

        curvature = dot(direction, self.image) + self.shifts[0] * dot(direction, direction)
        step = torch.where(curvature > 0, squares / curvature, 0.0)
        residual.sub_(column(step, residual) * (self.image + float(self.shifts[0]) * direction))
        new_squares = dot(residual, residual)
        turn = torch.where(squares > 0, new_squares / squares, 0.0)

        further_S1 = (self.shifts - self.shifts[0])[:, None]
        below = step * turn_before * (before - ratio) + before * step_before * (1 + step * further_S1)
        new_ratio = torch.where(open_SK, ratio * before * step_before / below, ratio)
        change = torch.where(open_SK, new_ratio / ratio, 1.0)
        steps, turns = open_SK * step * change, turn * change**2
        kept["solution_values"] += steps[..., None] * kept["direction_values"]
        for shift in range(len(self.shifts)):  # one after the other: what they hold is large
            solution, its_direction = kept["solutions"][shift], kept["directions"][shift]
            solution.add_(column(steps[shift], solution) * its_direction)
            its_direction.mul_(column(turns[shift], solution))
            its_direction.add_(column(new_ratio[shift], solution) * residual)
        kept |= {
            "squares": new_squares,
            "step_before": step,
            "turn_before": turn,
            "turns_before": turns,
            "ratio": new_ratio,
            "ratio_before": torch.where(open_SK, ratio, before),
        }


def dot(a_KT: Tensor, b_KT: Tensor) -> Tensor:
    """(K,) float64 inner products."""
    return torch.stack([torch.dot(a.double(), b.double()) for a, b in zip(a_KT, b_KT, strict=True)])


def column(value_K: Tensor, like: Tensor) -> Tensor:
    """(K, 1) factors in the type of what they multiply."""
    return value_K.to(like.dtype)[:, None]


def solve_together(
    equations: Callable[[Tensor], Tensor], right: Tensor, precondition: Callable[[Tensor], Tensor], tolerance: float
) -> Tensor:
    """Solutions x of `equations(x) = right`, several systems along the first of three axes.

    Args:
        precondition: about the inverse of the equations, symmetric and positive definite.
        tolerance: norm of the residuals, relative to that of their right-hand sides.
    """

    def dot_each(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((1, 2), keepdim=True)

    x, residual = torch.zeros_like(right), right
    direction = corrected = precondition(residual)
    size = dot_each(residual, corrected)
    enough = tolerance**2 * dot_each(right, right)
    least = torch.finfo(x.dtype).tiny
    with progress_bar() as bar:
        task = bar.add_task("conjugate gradients", total=None, note="")
        for _ in range(MAX_ITERATIONS):
            left = dot_each(residual, residual)
            if (left <= enough).all():
                return x
            bar.update(
                task, advance=1, note=f"residual {(left / enough.clamp_min(least)).max().sqrt() * tolerance:.1e}"
            )
            image = equations(direction)
            step = size / dot_each(direction, image).clamp_min(least)
            x, residual = x + step * direction, residual - step * image
            corrected = precondition(residual)
            before, size = size, dot_each(residual, corrected)
            direction = corrected + size / before.clamp_min(least) * direction
    raise InputError(
        f"the equations are not solved after {MAX_ITERATIONS} steps: take out the smallest of model.noise_factors"
    )
