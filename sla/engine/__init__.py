"""The loop around the core: load an issue's history, decide, and save all of it in one transaction.

No HTTP happens here, and nothing is concluded here: `sla.decide` does that. What is needed from
outside (how a payload reads, which policy is in force) is handed in, so that this package knows
neither Jira nor YAML.

Read it in this order. `heard` is what the outside tells, `taking_in` what is stored of a delivery.
`judge` is by what a site's issues are judged; `deciding` decides for several of them, and `decided`
is what comes of it and is saved. `engine` is the loop over all that, `waking` whom it decides for
together when time alone decides. `learning` takes in what Jira said when it was asked for a
history, and `catching_up` finds which histories to ask for.
"""
