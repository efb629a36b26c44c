"""`guildbus bench eval`: build many times, and judge every result from outside, by tests no agent ever sees.

`jobs.py` says what is to be built and what hidden tests judge it, from the specs that ship (`suites.py`) or
from outside problem sets (`problems.py`). `../plain_build.py` runs one build as a user types it, and
`judging.py` judges a copy of its result. `rows.py` is what is known of a build, `../row_file.py` keeps it;
`tables.py` makes tables of it, and `report.py` writes them. `runner.py` puts it together.
"""
