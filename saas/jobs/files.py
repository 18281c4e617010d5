"""The file that a job made: kept in the database in parts, for the person who asked, until it expires."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from saas.db import atomic
from saas.jobs.models import FileChunk, Job, StoredFile
from saas.mongo.fields import new_key
from saas.tenancy import now

CHUNK = 1024 * 1024  # bytes
FILE_KEPT_FOR = timedelta(hours=48)


def store_file(job: Job, source: Path, *, name: str, content_type: str, keep: timedelta = FILE_KEPT_FOR) -> StoredFile:
    """Keep a file for the person who started the job; a file of an earlier try is replaced."""
    forget_files(job)
    expires_at = now() + keep
    owner = {"organization_id": job.organization_id, "expires_at": expires_at}
    file_id = new_key()
    with source.open("rb") as handle:
        for number, data in enumerate(iter(lambda: handle.read(CHUNK), b"")):
            FileChunk.objects.for_user(job.user_id).create(file_id=file_id, number=number, data=data, **owner)
    stored: StoredFile = StoredFile.objects.for_user(job.user_id).create(
        id=file_id, job_id=job.id, name=name, content_type=content_type, size=source.stat().st_size, **owner
    )
    return stored


def file_of(job: Job) -> StoredFile | None:
    """The job's file, None when it has none or it has expired."""
    if not job.user_id:
        return None
    found: StoredFile | None = StoredFile.objects.for_user(job.user_id).filter(job_id=job.id).first()
    return found if found and found.expires_at > now() else None


def files_of(user_id: str, job_ids: Iterable[str]) -> dict[str, StoredFile]:
    """The files of several jobs of one person, by the job's id.  One read."""
    found = StoredFile.objects.for_user(user_id).filter(job_id__in=list(job_ids), expires_at__gt=now())
    return {file.job_id: file for file in found}


def read_file(file: StoredFile) -> Iterator[bytes]:
    chunks = FileChunk.objects.for_user(file.user_id).filter(file_id=file.id).order_by("number")
    for chunk in chunks.no_cache().batch_size(4):
        yield bytes(chunk.data)


@atomic
def forget_files(job: Job) -> None:
    for file in StoredFile.objects.for_user(job.user_id).filter(job_id=job.id):
        FileChunk.objects.for_user(job.user_id).filter(file_id=file.id).delete()
        file.delete()
