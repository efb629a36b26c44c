"""Measuring and breaking the bus on purpose: `guildbus bench`.

bus/      this bus beside a bare forwarder, NATS, JetStream and AutoGen's runtime
lifecycle how soon a swarm is ready, what it costs at rest, what it leaves behind
observers what looking on costs a build; plain_build is one build as a user types it
oracle/   the oracle on planted mistakes
eval/     builds judged from outside
finishers/ what each finisher does to the same builds; row_file is where these two keep what they know
faults/   what dies, freezes, lies or fills up, and what the journal says afterwards
"""
