"""Builds the shared library into the package and tags the wheel by platform.

The library has one name on every platform, liboboro.so, and needs no Python of
its own, so one wheel serves every Python 3 of a platform. It is built with the
Go compiler from the project around this folder, or copied from the file that
the environment variable OBORO_LIBRARY names.
"""

import os
import pathlib
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent


class BuildLibrary(build_py):
    def run(self):
        super().run()
        target = pathlib.Path(self.build_lib, "oboro", "liboboro.so").resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        given = os.environ.get("OBORO_LIBRARY")
        if given:
            shutil.copyfile(given, target)
            return
        if shutil.which("go") is None:
            raise SystemExit(
                "oboro: the Go compiler is needed to build the library; install Go 1.26 or later, "
                "or name a built library with OBORO_LIBRARY"
            )
        subprocess.run(
            ["make", "--no-print-directory", "capi", f"CAPI_OUT={target}"], cwd=HERE.parent, check=True
        )


class PlatformWheel(bdist_wheel):
    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class BinaryDistribution(Distribution):
    def has_ext_modules(self):
        return True


setup(
    cmdclass={"build_py": BuildLibrary, "bdist_wheel": PlatformWheel},
    distclass=BinaryDistribution,
)
