"""The append-only book of events, its head, and the keys that make calls safe to repeat."""

from django.db import models


class Event(models.Model):
    """One line of the book: hash(previous, seq, sha256(payload)). Triggers refuse UPDATE, DELETE and TRUNCATE."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    """`subject:action`, see `releases.book.Tag`."""
    actor = models.CharField(max_length=150)
    service = models.CharField(max_length=40, blank=True)
    environment = models.CharField(max_length=40, blank=True)
    object_tag = models.CharField(max_length=40, blank=True)
    """R-12, D-7, RB-3 ..."""
    payload = models.JSONField()
    """All of the above and the details; its canonical JSON is what the digest covers."""
    payload_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["seq"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["object_tag", "-seq"], name="event_newest_of_object"),
            models.Index(fields=["service", "environment", "-seq"], name="event_newest_of_place"),
            models.Index(fields=["action", "-seq"], name="event_newest_of_action"),
            models.Index(fields=["service", "action", "-seq"], name="event_newest_of_service_action"),
            models.Index(fields=["actor", "-seq"], name="event_newest_of_actor"),
            models.Index(fields=["at", "seq"], name="event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.object_tag}"

    @property
    def groups(self) -> str:
        """The groups that the actor was in then; empty for none, and in events of before they were kept."""
        return ", ".join(str(group) for group in self.payload.get("groups") or ())


class BookHead(models.Model):
    """The one row that says where the chain ends; locked by whoever appends."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="book_head_is_one_row")]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


class BookCheck(models.Model):
    """The one row that says what walking the chain on a schedule has found, and the newest anchor.

    It is a memory for pages, and no proof: whoever can rewrite the book can rewrite it too.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.PositiveBigIntegerField(default=0)
    """The last event that holds in the walk that is on, or in what was added since."""
    hash = models.CharField(max_length=64, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    """When this walk began at the first event."""
    whole_at = models.DateTimeField(null=True, blank=True)
    """When a walk last came from the first event to the head."""
    whole_events = models.PositiveBigIntegerField(default=0)
    newest_at = models.DateTimeField(null=True, blank=True)
    """When the newest events were last looked at."""
    flaw_seq = models.PositiveBigIntegerField(null=True, blank=True)
    flaw = models.TextField(blank=True)
    flaw_at = models.DateTimeField(null=True, blank=True)
    """When the flaw was seen last; a later walk that comes to the head takes it away."""
    anchor_seq = models.PositiveBigIntegerField(null=True, blank=True)
    anchor_at = models.DateTimeField(null=True, blank=True)
    anchor_looked_at = models.DateTimeField(null=True, blank=True)
    anchor_problem = models.TextField(blank=True)
    """Why the book could not be anchored the last time."""
    anchor_contradicts = models.BooleanField(default=False)
    """The problem is that the book is not the one that was anchored."""

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="book_check_is_one_row")]

    def __str__(self) -> str:
        return f"{self.seq} {self.flaw}"


class IdempotencyKey(models.Model):
    """A key that an actor sent with a mutating call, and what the first such call made."""

    actor = models.CharField(max_length=150)
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    made = models.CharField(max_length=40)
    """Tag of what was made: R-12, D-7, RB-3."""
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="idempotency_key_once_per_actor")]

    def __str__(self) -> str:
        return f"{self.actor} {self.key}"
