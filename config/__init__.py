"""What a team sets: contracts, calendars, the mapping of its projects, and the service's settings.

Read it in this order. `schema` is what the documents may say, `loader` reads a directory of them
and reports every fault at once, `configuration` is the result: one immutable version that can be
rebuilt from its own text. `settings` comes from the environment. The folder itself is a valid
directory: the shipped contracts and an example site.
"""
