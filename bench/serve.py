"""The service under load, beside a server that runs every request alone. Loopback only, bounded in time.

Writes bench/results/serve.json: requests a second and latencies of single variants and embeddings of 1 kb at
1, 8 and 32 clients; what happens at far more clients than the queue holds; memory over many requests.

    python bench/serve.py [--requests 64] [--many 10000] [--width 512] [--model default]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from machine import machine_facts

import cistron
from cistron.formats.fasta import Fasta

EXAMPLE = Path(cistron.__file__).parent / "resources" / "example" / "prnp_chr20.fa.gz"
RESULTS = Path(__file__).parent / "results" / "serve.json"
CLIENTS = (1, 8, 32)
OVERLOAD = 400
SECONDS = 300.0


def main() -> None:
    asked = _arguments()
    if asked.naive:
        serve_naive(asked.naive, asked.model, asked.width)
        return
    found: dict[str, Any] = {
        "machine": machine_facts("torch", "fastapi", "uvicorn"),
        "model": asked.model,
        "width": asked.width,
        "requests": asked.requests,
        "servers": {},
    }
    for name in ("cistron", "naive"):
        with server(name, asked) as (process, url):
            asyncio.run(measure(found["servers"].setdefault(name, {}), url, asked))
            print(name, json.dumps(found["servers"][name]), flush=True)
            if name == "cistron":
                found["overload"] = asyncio.run(overload(url))
                print("overload", json.dumps(found["overload"]), flush=True)
                found["memory"] = asyncio.run(memory(url, process.pid, asked.many))
    found["all_at_once"] = all_at_once(asked)
    asked.output.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=64, help="for each number of clients")
    parser.add_argument("--many", type=int, default=10_000, help="requests over which memory is watched")
    parser.add_argument("--width", type=int, default=512, help="window of a variant in bp")
    parser.add_argument("--model", default="default")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--naive", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextmanager
def server(name: str, asked: argparse.Namespace) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server of either kind, and its address."""
    port = random.SystemRandom().randrange(20_000, 60_000)
    with tempfile.TemporaryDirectory() as home:
        words = [sys.executable, "-m", "cistron", "serve", "--home", home, "--port", str(port)]
        words += ["-m", f"default={asked.model}", "--genome", f"hg19={EXAMPLE}"]
        if name == "naive":
            words = [sys.executable, __file__, "--naive", str(port), "--model", asked.model]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url)
            yield process, url
        finally:
            process.terminate()
            process.wait(60)


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url + "/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def serve_naive(port: int, model: str, width: int) -> None:
    """The same verbs, one request after another: what a first version of a service does."""
    import threading

    import uvicorn
    from fastapi import FastAPI

    from cistron.genome import Variant

    loaded, reference, busy = cistron.load(model), Fasta(EXAMPLE), threading.Lock()
    app = FastAPI()

    def score(body: dict[str, Any]) -> Any:
        with busy:
            variants = [Variant(**variant) for variant in body["variants"]]
            return [each.llr for each in loaded.score_variants(variants, reference, width=body["width"])]

    def embed(body: dict[str, Any]) -> Any:
        with busy:
            return [each.vector.tolist() for each in loaded.embed([body["input"]])]

    def ready() -> dict[str, str]:
        return {}

    app.post("/v1/variants:score")(score)
    app.post("/v1/embeddings")(embed)
    app.get("/readyz")(ready)
    uvicorn.run(app, port=port, log_level="error")


async def measure(found: dict[str, Any], url: str, asked: argparse.Namespace) -> None:
    """Requests a second and latencies of both kinds of request, by number of clients."""
    for kind, (path, bodies) in questions(asked).items():
        await timed(url, path, bodies[:4], 1)
        for clients in CLIENTS:
            found.setdefault(kind, {})[str(clients)] = await timed(url, path, bodies, clients)


def questions(asked: argparse.Namespace) -> dict[str, tuple[str, list[Any]]]:
    """Path and bodies by kind of request; no two bodies are alike."""
    chance = random.Random(8)
    variants = []
    with Fasta(EXAMPLE) as genome:
        for pos in chance.sample(range(4_610_000, 4_740_000), asked.requests):
            ref = genome.fetch("20", pos - 1, pos)
            alt = chance.choice([base for base in "ACGT" if base != ref])
            variant = {"chrom": "20", "pos": pos, "ref": ref, "alt": alt}
            variants.append({"variants": [variant], "width": asked.width})
    texts = [{"input": "".join(chance.choices("ACGT", k=1_000))} for _ in range(asked.requests)]
    return {"variant": ("/v1/variants:score", variants), "embedding": ("/v1/embeddings", texts)}


async def timed(url: str, path: str, bodies: Sequence[Any], clients: int) -> dict[str, float]:
    """What so many clients get, each asking as soon as it was answered."""
    waiting, seconds = iter(bodies), []
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as http:

        async def client() -> None:
            for body in waiting:
                started = time.perf_counter()
                (await http.post(path, json=body)).raise_for_status()
                seconds.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        wall = time.perf_counter() - started
    p50, p95, p99 = (round(float(value), 4) for value in np.percentile(seconds, (50, 95, 99)))
    return {"per_second": round(len(bodies) / wall, 2), "p50": p50, "p95": p95, "p99": p99}


def all_at_once(asked: argparse.Namespace) -> dict[str, float]:
    """The same questions as one call of each verb, without a service: what batching can give at most."""
    from cistron.genome import Variant

    model, bodies = cistron.load(asked.model), questions(asked)
    variants = [Variant(**body["variants"][0]) for body in bodies["variant"][1]]
    texts = [body["input"] for body in bodies["embedding"][1]]
    with Fasta(EXAMPLE) as genome:
        verbs: dict[str, Callable[[], Iterable[Any]]] = {
            "variant": lambda: model.score_variants(variants, genome, width=asked.width),
            "embedding": lambda: model.embed(texts),
        }
        found = {}
        for kind, verb in verbs.items():
            seconds = []
            for _ in range(3):
                started = time.perf_counter()
                deque(verb(), maxlen=0)
                seconds.append(time.perf_counter() - started)
            found[kind] = round(asked.requests / sorted(seconds)[1], 2)
    return found


async def overload(url: str) -> dict[str, Any]:
    """How far more clients than the queue holds are answered, and whether the service lives after it."""
    limits = httpx.Limits(max_connections=OVERLOAD)
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, limits=limits) as http:
        body = {"sequences": ["ACGT" * 25]}
        answers = await asyncio.gather(*(http.post("/v1/likelihood", json=body) for _ in range(OVERLOAD)))
        codes = [answer.status_code for answer in answers]
        alive = (await http.get("/healthz")).status_code == 200
    return {
        "clients": OVERLOAD,
        **{str(code): codes.count(code) for code in sorted(set(codes))},
        "alive": alive,
    }


async def memory(url: str, process: int, many: int) -> dict[str, Any]:
    """Resident MiB after each tenth of many short requests, eight clients at a time."""
    found = []
    for _ in range(10):
        await timed(url, "/v1/likelihood", [{"sequences": ["ACGTTGCA" * 4]}] * (many // 10), 8)
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        found.append(round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1))
    return {"requests": many, "resident_mib": found}


if __name__ == "__main__":
    main()
