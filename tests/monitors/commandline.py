"""The command line for tests: in this process, which says the same for a tenth of the time, or as people and pipelines start it."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from monitors.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def vigia(*words: object, where: Path = ROOT, **environment: str) -> Done:
    """`python -m monitors …` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), chdir(where), patch.dict(os.environ, environment):
        try:
            code = main([str(word) for word in words])
        except SystemExit as left:  # --help, or words that argparse refuses
            code = int(left.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def process(*words: object, where: Path = ROOT, **environment: str) -> Done:
    """`python -m monitors …` as a process of its own."""
    command = [sys.executable, "-m", "monitors", *map(str, words)]
    around = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run(command, cwd=where, env=around, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout, done.stderr)
