"""The console: what support leads, administrators and managers see and set in their browser.

Rooms: `questions` asks the database and the core, and knows neither HTML nor HTTP; `pages` shows
the answers to people, `api` to programs; `access` tells who may ask.
"""
