"""What pyproject.toml cannot say: the embedded data go into the package when it is built.

They lie once in the repository, in ``data/``, beside the package and not in it.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DATA = Path("data")


class BuildWithData(build_py):
    """Copy the registered data files, and no others, to where `helpers.datasets` looks."""

    def run(self):
        """Build the package, then add the data; an editable install reads them in place."""
        super().run()
        if not self.editable_mode:
            registry = (DATA / "registry.txt").read_text(encoding="utf-8")
            files = [line.split()[0] for line in registry.splitlines() if line.strip()]
            sheets = [path.relative_to(DATA) for path in DATA.rglob("README.md")]
            for file in ["registry.txt", "downloads.txt", *files, *sheets]:
                target = Path(self.build_lib, "helpers", "_data", file)
                self.mkpath(str(target.parent))
                self.copy_file(str(DATA / file), str(target))


setup(cmdclass={"build_py": BuildWithData})
