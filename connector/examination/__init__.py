"""What may be wrong between Dueline and a Jira, found out one check after another.

Each check asks Jira and changes nothing. It says passed, failed or unknown, with what was found
and what to do about it; whatever a Jira answers or does not offer, no check falls over it.
"""
