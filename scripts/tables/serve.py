"""The service under load, beside a server that runs each request alone."""

from __future__ import annotations

from typing import Any

_KINDS = {"variant": "variants", "embedding": "embeddings of 1 kb"}


def TABLE(found: Any) -> str:
    """Requests a second and latencies by number of clients, overload, memory."""
    ours, naive = found["servers"]["cistron"], found["servers"]["naive"]
    lines = [
        "| question | clients | per second | alone | ratio | p50 / p95 / p99, s | alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, name in _KINDS.items():
        for clients, row in ours[kind].items():
            other = naive[kind][clients]
            ratio = row["per_second"] / other["per_second"]
            lines.append(
                f"| {name} | {clients} | {row['per_second']:.1f} | {other['per_second']:.1f} | {ratio:.2f} | "
                f"{_seconds(row)} | {_seconds(other)} |"
            )
    machine, overload, memory = found["machine"], found["overload"], found["memory"]
    if limit := found.get("all_at_once"):
        told = ", ".join(f"{limit[kind]:.1f} {name}" for kind, name in _KINDS.items())
        lines += ["", f"The same questions as one call of the verb, without a service: {told} a second."]
    lines += [
        "",
        f"{overload['clients']} clients at once: {overload['200']} answered, {overload.get('429', 0)} told to come "
        f"back (429), and the service {'lives' if overload['alive'] else 'died'}. Memory after each tenth of "
        f"{memory['requests']:,} requests: {min(memory['resident_mib']):.0f} to {max(memory['resident_mib']):.0f} MiB.",
        "",
        f"{found['requests']} requests for each line, windows of {found['width']} bp, {machine['cores']} cores "
        f"({machine['cpu']}). Script: `bench/serve.py`.",
    ]
    return "\n".join(lines) + "\n"


def _seconds(row: Any) -> str:
    return " / ".join(f"{row[name]:.2f}" for name in ("p50", "p95", "p99"))
