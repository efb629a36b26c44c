"""The finisher `go-bench` for guildbus: a faster implementation, if it really is one. Read `agent.py`."""
