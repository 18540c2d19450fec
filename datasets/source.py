"""Files that others publish: read only if they are what was published, downloaded whole."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from tinygrad_edu.errors import DataFileError
from tinygrad_edu.files import write_whole

_TIMEOUT = 30.0  # seconds without a byte
_log = logging.getLogger("tinygrad_edu")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Errors: DataFileError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path}: it cannot be read: {error.strerror}") from error


def read_checked(path: Path, md5: str) -> bytes:
    """The bytes of a file. Errors: DataFileError if they are not the original's, by their MD5."""
    data = read_bytes(path)
    check_md5(path, data, md5)
    return data


def check_md5(path: Path, data: bytes, md5: str) -> None:
    """Raise DataFileError unless `data` have this MD5; `path` names them."""
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DataFileError(
            f"{path}: it is cut off, damaged or another file: its MD5 is {found}, that of the "
            f"published one {md5}; delete it, and get it again (download=True does)"
        )


def download(urls: Iterable[str], path: Path, md5: str) -> None:
    """Fetch a file from the first of the addresses that has it, and write it whole or not at all.

    Errors: DataFileError, with what each address answered, and where the file belongs.
    """
    import urllib.request  # slow to import, and seldom wanted

    answers = []
    for url in urls:
        _log.info("downloading %s", url)
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
                data = response.read()
            check_md5(path, data, md5)
        except (OSError, DataFileError) as error:  # the next address may have it
            answers.append(f"{url}: {error}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
        return
    raise DataFileError(
        f"{path.name} could not be downloaded ({'; '.join(answers)}); get it from there by other "
        f"means, and put it at {path}"
    )
