"""Measuring and breaking the bus on purpose: `guildbus bench`.

bus/      this bus beside a bare forwarder, NATS, JetStream and AutoGen's runtime
faults/   what dies, freezes, lies or fills up, and what the journal says afterwards
"""
