"""Time reading, annotating and writing a VCF, and its peak memory at two sizes.

Makes a seeded, sites-only VCF in a temporary folder, adds a constant score to every allele and writes
`.vcf.gz` with its index. Each run is its own process and includes everything `cistron score` does with the
file: the check on opening, BGZF in and out, the tabix index. Writes `bench/results/vcf.json`.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine_facts
from pysam.version import __htslib_version__

from cistron.formats.bgzf import bgzf_output
from cistron.formats.vcf import InfoField, VcfReader, VcfWriter

RECORDS = (100_000, 1_000_000)
RUNS = 3
TARGET = 150_000
RESULT = Path(__file__).parent / "results" / "vcf.json"
HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##contig=<ID=20,length=63025520>
##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count">
##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(annotate(Path(sys.argv[1]), Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = {count: measure(Path(folder), count) for count in RECORDS}
    largest = runs[RECORDS[-1]]
    rates = [RECORDS[-1] / run["seconds"] for run in largest]
    cpu_seconds = statistics.median(run["cpu_seconds"] for run in largest)
    result = {
        "records": RECORDS[-1],
        "records_per_second": round(statistics.median(rates)),
        "records_per_second_runs": [round(rate) for rate in rates],
        "records_per_cpu_second": round(RECORDS[-1] / cpu_seconds),
        "target_records_per_second": TARGET,
        "peak_memory_mb": {str(count): peak_memory(runs[count]) for count in RECORDS},
        "machine": machine_facts("pysam") | {"htslib": str(__htslib_version__)},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def measure(folder: Path, count: int) -> list[dict[str, float]]:
    """Seconds, CPU seconds and peak memory of `RUNS` runs after one that warms the file cache."""
    source = folder / f"{count}.vcf.gz"
    generate(source, count)
    command = [sys.executable, __file__, str(source), str(folder / "out.vcf.gz")]
    runs = []
    for _ in range(RUNS + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    return runs[1:]


def generate(path: Path, count: int, seed: int = 20) -> None:
    """Write `count` records, one in fifty with two ALTs."""
    rng = random.Random(seed)
    with bgzf_output(path) as stream:
        stream.write(HEADER.encode())
        for number in range(count):
            ref, *alts = rng.sample("ACGT", 3 if number % 50 == 0 else 2)
            info = f"AC={','.join('1' for _ in alts)};AF={','.join(f'{rng.random():.4f}' for _ in alts)}"
            place = f"20\t{60 * (number + 1)}\trs{rng.randrange(10**9)}"
            stream.write(f"{place}\t{ref}\t{','.join(alts)}\t{rng.randrange(1000)}\tPASS\t{info}\n".encode())


def annotate(source: Path, out: Path) -> dict[str, float]:
    """Score every allele -1.25; returns seconds, CPU seconds and the peak memory of this process in MB."""
    start, start_cpu = time.perf_counter(), time.process_time()
    fields = [InfoField("CISTRON_LLR", "Float", "constant"), InfoField("CISTRON_FLANK", "Float", "constant")]
    with VcfReader(source) as reader, VcfWriter(out, reader, fields) as writer:
        for record in reader:
            scores = [-1.25] * len(record.variants)
            writer.write(record, {"CISTRON_LLR": scores, "CISTRON_FLANK": scores})
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - start_cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def peak_memory(runs: list[dict[str, float]]) -> float:
    return round(max(run["peak_mb"] for run in runs), 1)


if __name__ == "__main__":
    main()
