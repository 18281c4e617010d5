"""Prints the path of each changed file below the folders given as arguments, a line each, until it is ended."""

import sys
from pathlib import Path

from watchfiles import watch

from .environment import BASE_DIR

WATCHED = ("saas", "accounts", "organizations", "billing", "agents", "platform_admin", "templates", "config")


def main(folders: list[str]) -> None:
    """Watch the folders that exist.  Caches, editors' temporary files and the like are left out by the library."""
    paths = [folder for folder in folders if Path(folder).is_dir()]
    for changes in watch(*paths, debounce=400, raise_interrupt=False):
        for path in sorted({path for _, path in changes}):
            print(path, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or [str(BASE_DIR / name) for name in WATCHED])
