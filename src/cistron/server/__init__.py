"""The service: the verbs over HTTP, behind keys and limits; `cistron serve` starts it.

| file | holds |
|---|---|
| `settings.py` | what an operator decides, and every limit |
| `app.py` | the application: middleware, routes, start and stop |
| `service.py` | what all routes share |
| `access.py`, `keys.py`, `rates.py` | who may ask, and how much |
| `bodies.py`, `protocol.py` | what is refused before anything reads it |
| `problems.py`, `events.py` | errors as problem JSON; streams |
| `store.py` | the tables |
| `scheduler.py`, `batches.py`, `verbs.py` | small requests together through a model |
| `residents.py`, `heads.py`, `genomes.py` | what is loaded when first asked for |
| `jobs.py`, `runner.py`, `uploads.py`, `commands.py`, `tables.py` | long work that survives a restart |
| `logs.py`, `metrics.py` | what is told of requests: nothing genetic |
| `routes/` | one resource a file |

See `docs/design/server.md`.
"""

from __future__ import annotations

from fastapi import APIRouter

from cistron.registry import Registry

ROUTES: Registry[APIRouter] = Registry("cistron.server.routes", "ROUTER", "route")
