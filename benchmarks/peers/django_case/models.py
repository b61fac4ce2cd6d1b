"""A case, its events, and the papers that were named in them."""

from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition


class Case(models.Model):
    """A matter in one of five states."""

    state = FSMField(default="filed", protected=True, db_index=True)
    subject = models.CharField(max_length=200)
    company = models.CharField(max_length=200)
    uscc = models.CharField(max_length=18, db_index=True)
    record_no = models.CharField(max_length=64)
    authority = models.CharField(max_length=128)
    ground = models.CharField(max_length=64)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=["assignee", "state", "-id"]),)

    @transition(field=state, source="filed", target="accepted")
    def accept(self) -> None:
        """Take it in."""

    @transition(field=state, source="accepted", target="verifying")
    def verify(self) -> None:
        """Let it be verified."""

    @transition(field=state, source="verifying", target="reviewing")
    def review(self) -> None:
        """Look at what was found."""

    @transition(field=state, source="reviewing", target="closed")
    def close(self) -> None:
        """End it."""


class Event(models.Model):
    """A step that was taken."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    source = models.CharField(max_length=32)
    target = models.CharField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField(auto_now_add=True)


class Evidence(models.Model):
    """The name of a paper."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
