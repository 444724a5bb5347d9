"""Put together what a build for NVIDIA cards needs, from PyPI, in build/cuda/toolkit.

    python scripts/cuda.py build/cuda/toolkit

The pinned wheels of CUDA 13.0 are fetched by pip as files and unpacked into one folder, laid out as the build scripts of candle look for
it: bin, include, lib64, nvvm, and unversioned names of the libraries. libcuda belongs to the driver, which a machine that
builds need not have: an empty library of its name stands in at link time and is shipped nowhere. Linux on x86-64 only.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = {
    "nvidia-cuda-nvcc": "13.0.88",
    "nvidia-nvvm": "13.0.88",
    "nvidia-cuda-crt": "13.0.88",
    "nvidia-cuda-nvrtc": "13.0.88",
    "nvidia-cuda-runtime": "13.0.96",
    "nvidia-cuda-cccl": "13.0.85",
    "nvidia-cublas": "13.1.0.3",
    "nvidia-curand": "10.4.0.35",
}
ROOT = "nvidia/cu13/"


def unpack(wheel: Path, prefix: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            inside = entry.filename.removeprefix(ROOT)
            if inside == entry.filename or entry.is_dir():
                continue
            path = prefix / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(entry))
            # wheels keep no modes; programs and the scripts they call must run
            if inside.startswith(("bin/", "nvvm/bin/")):
                path.chmod(0o755)


def main() -> int:
    prefix = Path(sys.argv[1]).resolve()
    ready = prefix / "ready"
    wanted = "\n".join(f"{name}=={version}" for name, version in WHEELS.items())
    if ready.exists() and ready.read_text() == wanted:
        return 0
    prefix.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=prefix) as place:
        download = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", place]
        subprocess.run([sys.executable, "-m", "pip", *download, *wanted.split("\n")], check=True)
        for wheel in sorted(Path(place).glob("*.whl")):
            unpack(wheel, prefix)
    libraries = prefix / "lib"
    for path in libraries.glob("lib*.so.*"):
        plain = libraries / re.sub(r"\.so\..*", ".so", path.name)
        if not plain.exists():
            plain.symlink_to(path.name)
    if not (prefix / "lib64").exists():
        (prefix / "lib64").symlink_to("lib")
    stubs = libraries / "stubs"
    stubs.mkdir(exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    name = ["-Wl,-soname,libcuda.so.1", "-o", str(stubs / "libcuda.so")]
    subprocess.run([compiler, "-shared", *name, "-x", "c", "/dev/null"], check=True)
    ready.write_text(wanted)
    print(f"{prefix} is ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
