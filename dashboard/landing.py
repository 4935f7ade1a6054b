"""Which page somebody lands on after signing in, when they asked for none."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from releases.models import User


def audits(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the auditor's desk is what this person comes for: they may read the book and roll nothing back."""
    return isinstance(user, User) and user.may("read_book") and not user.may_somewhere("roll_back")


def landing(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the name of the page."""
    return "audit" if audits(user) else "board"
