"""Stamp DuckDB's extension footer on a shared library.

DuckDB reads the last 512 bytes of an extension: eight 32-byte text fields, stored last field
first, and 256 bytes for a signature (zero: unsigned). Field 1 is the footer's own version, 2 the
platform, 3 the C API version, 4 the extension's version, 5 the kind of binary interface.
A WebAssembly custom-section header named `duckdb_signature` stands before them.
"""

import argparse
import os
import platform

FIELD = 32
SIGNATURE = 256


def duckdb_platform() -> str:
    """The platform of this machine in DuckDB's words, such as linux_amd64."""
    systems = {"Linux": "linux", "Darwin": "osx", "Windows": "windows"}
    machines = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{systems[platform.system()]}_{machines[platform.machine()]}"


def leb128(number: int) -> bytes:
    """Unsigned little-endian base-128 encoding, as WebAssembly wants its lengths."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def footer(fields: list[str]) -> bytes:
    fields = fields + [""] * (8 - len(fields))
    body = b"".join(f.encode("ascii").ljust(FIELD, b"\0") for f in reversed(fields)) + bytes(SIGNATURE)
    name = b"duckdb_signature"
    section = leb128(len(name)) + name + leb128(len(body)) + body
    return b"\0" + leb128(len(section)) + section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("compiled", help="the compiled shared library")
    parser.add_argument("extension", help="where to write the extension")
    parser.add_argument("--version", required=True, help="version of the extension, such as v0.1.0")
    parser.add_argument("--platform", default=duckdb_platform())
    args = parser.parse_args()
    with open(args.compiled, "rb") as f:
        code = f.read()
    os.makedirs(os.path.dirname(args.extension) or ".", exist_ok=True)
    # write beside and rename: a process that has the old file mapped keeps it
    beside = args.extension + ".new"
    with open(beside, "wb") as f:
        f.write(code + footer(["4", args.platform, "v1.2.0", args.version, "C_STRUCT"]))
    os.replace(beside, args.extension)


if __name__ == "__main__":
    main()
