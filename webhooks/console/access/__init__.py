"""Who may see the console and who may change it: signing in, roles, tokens, the audit log."""
