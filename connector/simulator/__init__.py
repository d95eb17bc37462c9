"""A Jira to try things on: the REST API, the webhooks and the moods of Cloud and Data Center.

    sim = Simulator(now=clock, flavour="cloud")
    with running(sim, deliver_in_background=True) as base_url:
        ...

It serves the demo and the tests, over real HTTP, with a clock that is handed in.
"""

from connector.simulator.deliveries import Attempt, Delivery
from connector.simulator.errors import JiraError
from connector.simulator.faults import Faults, Rule
from connector.simulator.server import create_app, running
from connector.simulator.simulator import RecordedRequest, Simulator
from connector.simulator.site import AGENT, CUSTOMER, DUELINE, LEAD, MANAGER, ROBOT

__all__ = [
    "AGENT",
    "CUSTOMER",
    "DUELINE",
    "LEAD",
    "MANAGER",
    "ROBOT",
    "Attempt",
    "Delivery",
    "Faults",
    "JiraError",
    "RecordedRequest",
    "Rule",
    "Simulator",
    "create_app",
    "running",
]
