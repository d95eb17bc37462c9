"""One file for each row of the table: its `ROW` says what is to be reached, and measures it."""
