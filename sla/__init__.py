"""The promise: what was agreed, what happened, and so what is due.

Read it in this order. `timeline` is what happened to an issue, `contract` what was promised,
`mapping` which promise an issue has; `calendar` is open time; `clock` runs over all of them and
finds each `cycle`; `decide` puts the answer together; `effects` names what Jira should hear;
`explain` says why. These are pure: no I/O, no clock. `store` and `engine` are the durable side,
which loads a history, decides, and saves.
"""
