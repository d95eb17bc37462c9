"""What the console is asked and answers, as types: pages and API share these; no Flask here."""
