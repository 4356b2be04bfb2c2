"""Files read, and written so that they are whole or absent, by the rules of the C library (src/core/file.c, new_file.c)."""
from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import IO, Any, Iterator


def read_text(path: str | os.PathLike[str], most: int = 1 << 24) -> str:
    """The text of a regular file in UTF-8. OSError at once for a pipe or a device, which might never end or begin, and for a file of
    more than `most` bytes."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), encoding="utf-8") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "expected a file, got a pipe or a device")
        if about.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most} bytes")
        return file.read()


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _take_over(descriptor: int, replaced: os.stat_result) -> None:
    """Owner, group and permissions of the replaced file as far as they can be kept; access is never wider (take_over in new_file.c)."""
    mode = replaced.st_mode & 0o777
    for owner in (replaced.st_uid, -1):  # only root may give files away
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, replaced.st_gid)
            break
    if os.fstat(descriptor).st_gid != replaced.st_gid:
        both = mode >> 3 & mode & 7
        mode = mode & 0o700 | both << 3 | both
    with contextlib.suppress(OSError):  # some file systems have no permissions
        os.fchmod(descriptor, mode)


def _create_beside(target: str, replaced: os.stat_result | None) -> tuple[int, str]:
    """A temporary file whose name nobody can foresee, with the permissions of the file it will replace."""
    if replaced and not os.access(target, os.W_OK, effective_ids=True):  # whoever may not write a file may not replace it either
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
    temporary = os.path.join(os.path.dirname(target), f".mixent-{secrets.token_hex(8)}.new")
    mode = replaced.st_mode & 0o700 if replaced else 0o666  # nobody else before _take_over
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    if replaced:
        _take_over(descriptor, replaced)
    return descriptor, temporary


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """open(path, mode, **how) for writing; the file takes its place at the end of the block, and not if the block raises. A link
    stays, and what it leads to is replaced; a device or a pipe is written in place."""
    replaced = _status(path)
    if replaced and not stat.S_ISREG(replaced.st_mode):
        with open(path, mode, **how) as file:
            yield file
        return
    target = os.path.realpath(path)
    descriptor, temporary = _create_beside(target, replaced)
    try:
        with open(descriptor, mode, **how) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
