"""guildbus: independent agents write Go over a message bus, and evidence decides.

The code lives in the four top-level folders of the repository, one a layer; each may import
only those to its left::

    protocols  <-  bus  <-  agents  <-  launch

Start reading at `guildbus.protocols` (what is said), then `guildbus.bus` (how it travels),
`guildbus.agents` (who speaks) and `guildbus.launch` (how it starts).
"""

__version__ = "0.1.0"
