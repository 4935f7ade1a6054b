"""Run a command of the catalogue: no shell, own session, inherited lock, deadline, bounded and masked output.

Linux only: it looks at `/proc` to prove that a stopped command is gone and to find what escaped.
"""

from releases.executor.locking import EnvironmentLock, Holder, LockHeld
from releases.executor.masking import Masker
from releases.executor.result import DEADLINE, Result
from releases.executor.run import run

__all__ = ["DEADLINE", "EnvironmentLock", "Holder", "LockHeld", "Masker", "Result", "run"]
