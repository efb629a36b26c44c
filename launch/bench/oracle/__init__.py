"""How far the oracle can be trusted: right code, planted mistakes on both sides, and what it says of them.

`matters.py` (what is tried) -> `trial.py` (real references, heard by the real oracle) -> `planted.py` (wrong
expected values in a test of right ones) and wrong code -> `tally.py` (the counts) -> `report.py`.
"""
