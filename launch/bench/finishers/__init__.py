"""`guildbus bench finishers`: what each finisher does to the same builds, judged from outside.

A seed is built once without finishers and once with each alone. All arms of the command share one store of
completions, so that the same answers make the same package, and only the finisher's own calls are paid for.
`rows.py` is what is known of one build, `tables.py` makes tables of it, `runner.py` puts it together.
"""
