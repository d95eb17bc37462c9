"""From a delivery to the SLA fields in Jira, when nothing else is to be done."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections import deque

from bench.posting import served, simulated
from bench.row import Context, Figure, Result, Row
from config.settings import Settings
from connector.simulator import CUSTOMER, RecordedRequest, Simulator
from connector.simulator.deliveries import headers
from webhooks.jira import client_for

_TIMES = 5
_PATIENCE = 30.0
# Between two of them all comes to rest.
_REST = 0.2


class _Answered(deque[RecordedRequest]):
    """Notes when the simulated Jira has changed an issue's fields, and answers so."""

    def __init__(self) -> None:
        super().__init__(maxlen=1)
        self.put = threading.Event()
        self.at = 0.0

    def append(self, answered: RecordedRequest) -> None:
        if answered.method == "PUT" and not self.put.is_set():
            self.at = time.perf_counter()
            self.put.set()
        super().append(answered)


def measure(context: Context) -> Result:
    """In turn: an issue is made and its delivery posted; and one PUT over the same library."""
    rounds = 8 if context.quick else 60
    through, accepted, one_put = [], [], []
    with simulated() as (jira, told), served(told) as port:
        jira.requests = answered = _Answered()
        client = client_for(Settings.from_environment(told).require_jira())
        beside = jira.create_issue({"summary": "Beside"}, project="HLP").id
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        for nth in range(-3, rounds):
            threading.Event().wait(_REST)
            body, head = _delivery(jira, nth)
            answered.put.clear()
            began = time.perf_counter()
            connection.request("POST", "/webhooks/jira", body, head)
            if (status := _answered(connection)) != 202:
                raise RuntimeError(f"answered {status}")
            taken = time.perf_counter()
            if not answered.put.wait(_PATIENCE):
                raise TimeoutError("no field was written")
            threading.Event().wait(_REST)
            put_began = time.perf_counter()
            client.edit_fields(beside, {"summary": f"Beside {nth}"})
            if nth >= 0:
                one_put.append(time.perf_counter() - put_began)
                through.append(answered.at - began)
                accepted.append(taken - began)
    times = statistics.median(through) / statistics.median(one_put)
    return Result(
        (
            Figure("delivery to fields", statistics.median(through) * 1000, "ms"),
            Figure("  of which until the 202", statistics.median(accepted) * 1000, "ms"),
            Figure("one PUT", statistics.median(one_put) * 1000, "ms"),
        ),
        times < _TIMES,
        f"{times:.1f} times one PUT",
        times,
    )


def _delivery(jira: Simulator, number: int) -> tuple[bytes, dict[str, str]]:
    jira._pending.clear()  # noqa: SLF001 - posted by ourselves
    fields = {"summary": f"Help {number}", "priority": "Highest", "Support plan": "Enterprise"}
    jira.create_issue(fields, project="HLP", account=CUSTOMER)
    delivery = jira.pending_deliveries()[0]
    jira._pending.clear()  # noqa: SLF001 - posted by ourselves
    return delivery.body, headers("cloud", delivery)


def _answered(connection: http.client.HTTPConnection) -> int:
    response = connection.getresponse()
    response.read()
    return response.status


ROW = Row(
    "fields_latency",
    "delivery to fields written, unloaded",
    "median under 5 times one PUT",
    "one PUT to the same simulator",
    measure,
)
