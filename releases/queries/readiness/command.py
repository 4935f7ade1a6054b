"""Item: the command renders on the worker that would run it, and every worker of the queue would run the same one."""

from releases.queries.readiness.facts import Facts, fresh
from releases.queries.readiness.item import ReadinessItem, not_known, ready, red

KEY = "command"
OTHER_ITEMS = frozenset({"lock_held"})
"""What a worker finds beside the command that is an item of its own."""


def item(facts: Facts) -> ReadinessItem:
    rendered = facts.rendered
    digests = {worker.rollback_digests.get(facts.queue, "") for worker in facts.alive} - {""}
    if len(digests) > 1:
        hosts = ", ".join(sorted({worker.host for worker in facts.alive}))
        return red(
            KEY, f"the workers would run different commands: {hosts}", "Give every worker the same catalogue file."
        )
    if rendered is None:
        return not_known(KEY, "no worker has shown it yet", "One was asked. Or run manage.py rollback on its host.")
    if not fresh(rendered.rendered_at, facts.now):
        return not_known(KEY, f"{rendered.host} showed it too long ago", "See whether the worker still runs.")
    problems = [sentence for kind, sentence in rendered.found if kind not in OTHER_ITEMS]
    if problems:
        return red(KEY, "; ".join(problems), f"Mend it on {rendered.host}, or in the catalogue file.")
    return ready(KEY, f"renders on {rendered.host}")
