"""Write requirements.lock: the set of constraints.txt with the SHA-256 of each file, torch left out.

python .ci/lock.py        (needs the network; the files are those that pip takes on this machine)
"""

import json
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """# The tested set with the SHA-256 of each file, for {python} on {platform}; made by `make lock`.
# torch is not in it, as its build is a choice of yours: install it first, then
#   pip install --require-hashes --no-deps -r requirements.lock
#   pip install --no-deps -e .
"""


def main() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "torch=="))]
    with tempfile.TemporaryDirectory() as folder:
        report, requirements = Path(folder) / "report.json", Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(wanted))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        subprocess.run([*pip, "--report", str(report), "-r", str(requirements)], check=True)
        installed = json.loads(report.read_text())["install"]
    files = {one["metadata"]["name"]: one["download_info"]["archive_info"]["hashes"]["sha256"] for one in installed}
    versions = {one["metadata"]["name"]: one["metadata"]["version"] for one in installed}
    head = HEAD.format(python=f"CPython {platform.python_version()}", platform=sysconfig.get_platform())
    pins = [f"{name}=={versions[name]} --hash=sha256:{files[name]}\n" for name in sorted(files, key=str.lower)]
    (ROOT / "requirements.lock").write_text(head + "".join(pins))


if __name__ == "__main__":
    main()
