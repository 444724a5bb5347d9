"""Version and platform of the wheel, as scripts/wheel.py has found them."""

import os

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class Binary(Distribution):
    def has_ext_modules(self):
        return True


class Wheel(bdist_wheel):
    def get_tag(self):
        # the extension speaks to DuckDB alone, so any Python 3 will do
        return "py3", "none", os.environ["MUSTER_WHEEL_PLATFORM"]


setup(version=os.environ["MUSTER_WHEEL_VERSION"], distclass=Binary, cmdclass={"bdist_wheel": Wheel})
