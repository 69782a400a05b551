"""From the blocks of a sweep to its runs: each with its configuration, checked, and the folder that its identity names."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.output.progress import progress_bar
from gpattention.run_folder import identity
from gpattention.sweeps.sweep_file import Job, escape_quotes, expand
from gpattention.training import loggers

log = logging.getLogger(__name__)

RUN_OF = re.compile(r"\{run:([^}]+)\}")


class Planned(NamedTuple):
    """A run to be made: its job, configuration, overrides, folder and digest, and the run it starts from, if any."""

    job: Job
    config: dict[str, Any]
    overrides: list[str]
    folder: Path
    digest: str
    source: str | None

    @property
    def name(self) -> str:
        return self.folder.name


def plan(name: str, blocks: dict[str, list[str]], folder: Path) -> list[Planned]:
    """Every run of the blocks with its folder, checked."""
    jobs = [job for label, block in blocks.items() for job in expand(label, block)]
    refuse_missing_sources(jobs)
    planned: list[Planned] = []
    with progress_bar() as bar:
        for job in bar.track(jobs, description="reading configurations"):
            planned.append(plan_one(name, job, folder, planned))
    return planned


def refuse_missing_sources(jobs: list[Job]) -> None:
    """Raise an InputError where a run would start from a block that does not stand for one run before it."""
    for number, job in enumerate(jobs):
        for label in RUN_OF.findall(" ".join(job.overrides)):
            found = [one for one in jobs[:number] if one.block == label]
            if len(found) != 1:
                raise InputError(
                    f"{job.name} starts from {label}, which stands for {len(found)} runs before it: vary only keys of runs "
                    "that none other starts from"
                )


def plan_one(name: str, job: Job, folder: Path, before: Iterable[Planned]) -> Planned:
    """A job's configuration and its folder, which its identity names."""
    source = None
    overrides = list(job.overrides)
    for position, text in enumerate(overrides):
        if match := RUN_OF.search(text):
            found = [one for one in before if one.job.block == match[1]]
            source = found[0].name
            overrides[position] = text.replace(match[0], escape_quotes(str(found[0].folder)))
    config = check_config(compose_config(overrides))
    config["resume"] = "auto"
    digest = identity.identify(config, {str(one.folder): one.digest for one in before}).digest
    same = [one.folder for one in before if one.digest == digest]
    run_folder = same[0] if same else identity.folder_of(digest, folder, job.name)
    if same:
        log.info("%s is the same run as %s and made once", job.name, run_folder.name)
    tracked = loggers.run_names(config["logger"], name, job.name)
    config["logger"] |= tracked
    overrides += [f"logger.{key}='{escape_quotes(value)}'" for key, value in tracked.items()]
    return Planned(job, config, overrides, run_folder, digest, source)
