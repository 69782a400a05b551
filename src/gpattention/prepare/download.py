"""Files of a public record, fetched with the checksums that the record states."""

import logging
from pathlib import Path

from gpattention.errors import InputError
from gpattention.output.progress import console
from gpattention.prepare.libraries import needed

log = logging.getLogger(__name__)


def fetch_record(doi: str, names: list[str], folder: Path) -> None:
    """Fetch some files of a record into a folder; one that does not match its checksum does not get its name.

    Raises:
        InputError: there is no network, or the record has no such file.
    """
    if not names:
        return
    pooch = needed("pooch", "prepare.download=true")
    requests = needed("requests", "prepare.download=true")
    record = pooch.create(path=folder, base_url=f"doi:{doi}", registry=None)
    by_hand = (
        f"fetch {', '.join(names)} by hand from https://doi.org/{doi} into {folder}, and leave prepare.download out"
    )
    try:
        record.load_registry_from_doi()
        for name in names:
            if name not in record.registry:
                raise InputError(f"the record {doi} has no file {name}: it has {', '.join(sorted(record.registry))}")
            log.info("fetching %s", name)
            record.fetch(name, progressbar=console.is_terminal)
    except requests.exceptions.RequestException as error:
        raise InputError(
            f"{doi} cannot be reached ({type(error).__name__}): is there a network? Else {by_hand}"
        ) from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{doi}: {error}: {by_hand}") from error
