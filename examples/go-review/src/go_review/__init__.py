"""The finisher `go-review` for guildbus: reads a green package against its spec, and mends what is surely
wrong. Read `agent.py`."""
