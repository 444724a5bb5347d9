"""Run a command and say on standard error what it took: seconds by the clock, and of the processors with all that it started.

`python3 scripts/timed.py COMMAND …`; the exit status is that of the command.
"""

import resource
import subprocess
import sys
import time


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60} s" if seconds >= 60 else f"{seconds:.1f} s"


def main() -> int:
    start = time.monotonic()
    status = subprocess.run(sys.argv[1:]).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{minutes(time.monotonic() - start)}, {minutes(used.ru_utime + used.ru_stime)} of processor", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
