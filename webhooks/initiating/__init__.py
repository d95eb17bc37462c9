"""`dueline init`: from nothing to a Jira that is served, asking for what nobody has said.

Nothing is written and nothing is changed in Jira before a summary of both is confirmed. Run again
it takes its earlier answers as what is meant, keeps what people edited, and makes nothing twice.
"""
