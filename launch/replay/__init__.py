"""Running a recorded run once more: offline and compared, or from one message on and anew.

comparing.py    where two bodies differ, but for what is incidental. Pure
recorded.py     a run as its journal has it: who answered which message with what. Pure
rehearsal.py    `guildbus replay RUN`: every handler again, in the recorded order, without any model
branch.py       which messages a fork takes along, and what it changes. Pure
forking.py      `guildbus replay RUN --from MESSAGE --set ...`: the rest of a run anew, under a new name
"""
