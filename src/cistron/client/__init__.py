"""A service somewhere else, with the verbs of a local model.

| file | holds |
|---|---|
| `connecting.py` | `connect` |
| `remote.py` | the verbs |
| `concurrent.py` | the same for `asyncio` |
| `wire.py`, `diagnosis.py` | questions and answers as JSON |
| `patience.py`, `refusals.py` | which failures pass, how long to wait, and what is told of the others |
| `jobs.py` | files sent, followed and fetched |
"""
