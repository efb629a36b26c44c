"""The finisher `go-doc` for guildbus: doc comments and runnable examples. Read `agent.py`."""
