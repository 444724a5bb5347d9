"""Loads the muster extension into each database that dbt opens."""

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError


class Plugin(BasePlugin):
    def initialize(self, config):
        self.extension = config["extension"]

    def configure_connection(self, conn):
        try:
            conn.execute("LOAD '{}'".format(self.extension.replace("'", "''")))
        except Exception as error:
            raise DbtRuntimeError(f"{error}\nBuild the extension with `make`, or name its file in MUSTER_EXTENSION.") from error
