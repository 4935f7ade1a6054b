"""Logging in through a service's own form, as a reader does."""

from pydantic import Field

from releases.probes.base import Settings
from releases.probes.routes import Route


class Login(Settings):
    """The login form of the service: a page with a `<form>` that takes a user name and a password."""

    path: Route = "/login"
    """Page with the login form; its hidden inputs (a CSRF token) are sent back with it."""
    username_field: str = Field(default="username", min_length=1, max_length=100)
    """Name of the input that takes the user name."""
    password_field: str = Field(default="password", min_length=1, max_length=100)
    """Name of the input that takes the password."""
