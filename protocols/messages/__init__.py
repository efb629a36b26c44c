"""The bodies: what the guild talks about, one module a conversation.

base.py          Message, and values shared by several conversations
build.py         a whole build: requested, planned, stopped, finished
draft.py         one file: requested, proposed, accepted, rejected
verification.py  what the Go toolchain found
finish.py        a green package: an edit requested, proposed, judged
control.py       a message that died, and what became of it
"""
