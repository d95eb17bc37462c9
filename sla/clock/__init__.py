"""How a metric's clock runs over an issue's history: started, paused, stopped, due.

Read it in this order. `spans` is which promise held when: the clock walks over them, and time that
was used stays used when severity, tier, contract or project changes; the goal is picked anew, and
every promise stays on record. `rules` is what starts and stops a clock, `course` all that it goes
through. `run` finds the cycles: by `stretches` those with which nothing interferes, by `one_cycle`
each other one.
"""
