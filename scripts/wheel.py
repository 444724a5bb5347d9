"""Build the Python package around the extension, with a platform tag that is true.

    python scripts/wheel.py --extension build/release/muster.duckdb_extension

On Linux the tag is that of the newest symbol of glibc that the file needs (PEP 600): what was linked on a newer system than
manylinux_2_28 says so. `--at-most 2.28` refuses such a file.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Libraries that every system of PEP 600 has.
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"}


def glibc(extension: Path) -> tuple[int, int]:
    """Version of glibc that a file of Linux needs; at least 2.17, the oldest that has a tag.

    Raises SystemExit where it needs a library that is not everywhere.
    """

    def readelf(flag: str) -> str:
        return subprocess.run(["readelf", "--wide", flag, str(extension)], check=True, capture_output=True, text=True).stdout

    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic")))
    odd = {name for name in needed - LIBRARIES if not name.startswith("ld-linux")}
    if not needed or odd:
        raise SystemExit(f"{extension}: needs {', '.join(sorted(odd)) or 'no library at all'}, which not every Linux has")
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", readelf("--version-info"))
    return max([(2, 17), *((int(major), int(minor)) for major, minor in versions)])


def platform_tag(extension: Path, at_most: str | None) -> str:
    if platform.system() != "Linux":
        return re.sub(r"\W", "_", sysconfig.get_platform())
    major, minor = glibc(extension)
    if at_most and (major, minor) > tuple(int(part) for part in at_most.split(".")):
        raise SystemExit(f"{extension}: needs glibc {major}.{minor}, allowed is at most {at_most}; build it on an older system")
    return f"manylinux_{major}_{minor}_{platform.machine()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "wheel")
    parser.add_argument("--at-most", help="newest glibc that may be needed, such as 2.28")
    args = parser.parse_args()
    tag = platform_tag(args.extension, args.at_most)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    args.to.mkdir(parents=True, exist_ok=True)
    for old in args.to.glob("muster-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "python"
        shutil.copytree(ROOT / "python", source, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("LICENSE", "THIRD-PARTY-NOTICES.md"):
            shutil.copy(ROOT / name, source)
        shutil.copy(ROOT / "scripts" / "models.py", source / "muster" / "_models.py")
        shutil.copy(args.extension, source / "muster" / "muster.duckdb_extension")
        environment = {**os.environ, "MUSTER_WHEEL_VERSION": version, "MUSTER_WHEEL_PLATFORM": tag}
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--wheel-dir", str(args.to), str(source)], check=True, env=environment)
    print(next(args.to.glob("muster-*.whl")))


if __name__ == "__main__":
    main()
