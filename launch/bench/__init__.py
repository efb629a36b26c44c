"""Measuring and breaking the bus on purpose: `guildbus bench`.

faults/   what dies, freezes, lies or fills up, and what the journal says afterwards
"""
