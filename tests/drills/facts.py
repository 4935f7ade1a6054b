"""What the checker is given of the database and the logs of the processes."""

from pathlib import Path

from releases import book
from releases.models import Event, Execution, IdempotencyKey, Note, Rollback
from tests.drills.checker import Facts, Row


def read_facts(home: Path) -> Facts:
    flaw = book.verify()
    texts = {file.name: file.read_text(errors="replace") for file in home.rglob("*.log")}
    executions = list(Execution.objects.all())
    texts |= {one.tag: f"{one.output} {one.problem} {one.argv}" for one in executions}
    texts |= {f"event {event.seq}": str(event.payload) for event in Event.objects.all()}
    texts |= {f"note {note.pk}": note.text for note in Note.objects.all()}
    return Facts(
        rollbacks=[Row(row.pk, row.status, row.outcome) for row in Rollback.objects.order_by("pk")],
        executions={one.tag for one in executions},
        pressed=list(Event.objects.filter(action=book.Tag.ROLLBACK_PRESSED).values_list("object_tag", flat=True)),
        keys=dict(IdempotencyKey.objects.values_list("key", "made")),
        flaws=[f"{flaw.seq}: {flaw.what}"] if flaw else [],
        texts=texts,
    )
