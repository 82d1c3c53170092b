"""git: the commit of a repository, what is uncommitted, the commits of late. Asked of `git` itself, which must be installed."""

import subprocess
from pathlib import Path

from data.errors import BadInput
from data.manifests.packages import without_login
from data.manifests.shape import Body

REMEMBERED = 200  # commits that a manifest carries, so that two of them tell what lies between
FIELDS = "%H%x1f%aI%x1f%an%x1f%s"


def is_repository(place: Path) -> bool:
    """Whether a folder is the top of a repository (or of a worktree)."""
    return (place / ".git").exists()


def read_git(place: Path) -> Body:
    """The code of a repository: commit, branch, dirty (and which files), remote, the last commits.

    Raises
    ------
    BadInput : no commit yet, or git is not there.
    """
    commit = _git(place, "rev-parse", "HEAD").strip()
    changed = [line[3:] for line in _git(place, "status", "--porcelain", "--untracked-files=no").splitlines()]
    branch = _git(place, "rev-parse", "--abbrev-ref", "HEAD").strip()
    remote = _git(place, "config", "--get", "remote.origin.url", fails=True).strip()
    lines = _git(place, "log", f"-{REMEMBERED}", f"--format={FIELDS}").splitlines()
    code: Body = {"commit": commit, "branch": branch, "dirty": bool(changed), "changed_files": changed[:50]}
    code["history"] = [line.split("\x1f") for line in lines if line.count("\x1f") == 3]
    return {"code": code | ({"repository": without_login(remote)} if remote else {})}


def found_above(place: Path) -> Path | None:
    """The repository in which a folder lies; None where it lies in none, or git is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(place), "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def _git(place: Path, *words: str, fails: bool = False) -> str:
    try:
        done = subprocess.run(["git", "-C", str(place), *words], capture_output=True, text=True, check=False, errors="replace")
    except OSError as error:
        raise BadInput(f'{place}: "git" cannot be run ({error.strerror}). Install it, or name a manifest file.') from error
    if done.returncode and not fails:
        said = done.stderr.strip().splitlines()[:1]
        raise BadInput(
            f"{place}: git gives no commit ({said[0] if said else 'no reason'}). Commit first, or name a manifest file."
        )
    return done.stdout
