"""`gpattention prepare prepare=yeast_bbq` on files of full size: time against gzip decoding alone, and peak memory.

python benchmarks/yeast_files.py FOLDER --distinct 2000
python benchmarks/prepare_yeast.py FOLDER
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

PREPARE = "import sys; from gpattention.cli import main; sys.argv[:1] = ['gpattention', 'prepare']; main()"
ZLIB = """
import sys
from pathlib import Path
from gpattention.prepare.text_blocks import decompress
for name in sys.argv[1:]:
    for _ in decompress(Path(name)):
        pass
"""


def measure(command: list[str]) -> dict[str, float]:
    """Wall seconds, processor seconds and peak memory of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} ended with status {status}")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_gib": round(usage.ru_maxrss / 2**20, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    parts = sorted(str(path) for path in options.folder.glob("geno_data_*.txt.gz"))
    made = options.folder / "prepared"
    shutil.rmtree(made, ignore_errors=True)
    keys = ["prepare=yeast_bbq", f"prepare.root={options.folder}", f"prepare.n_parts={len(parts)}", f"folder={made}"]
    keys += ["prepare.snp_file=snp_list.tsv", "prepare.causal_loci_file=qtls_18_environments.tsv"]
    rows = {
        "gzip -dc": measure(["gzip", "-dc", *parts]),
        "zlib": measure([sys.executable, "-c", ZLIB, *parts]),
        "prepare": measure([sys.executable, "-c", PREPARE, *keys]),
    }
    genotype = np.load(made / "genotypes.npy", mmap_mode="r")
    result = {
        "benchmark": "prepare_yeast",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}",
        "genotype": f"{genotype.dtype} {genotype.shape}",
        "compressed_gb": round(sum(Path(part).stat().st_size for part in parts) / 1e9, 2),
        **{f"{name}: {quantity}": value for name, row in rows.items() for quantity, value in row.items()},
        "prepare over gzip -dc": round(rows["prepare"]["seconds"] / rows["gzip -dc"]["seconds"], 2),
        "prepare over zlib": round(rows["prepare"]["seconds"] / rows["zlib"]["seconds"], 2),
    }
    for name, value in result.items():
        print(f"{name:28} {value}")
    path = Path(__file__).parent / "results" / "prepare_yeast_cpu.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
