"""The face as a Django app."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        from dashboard.last_seen import signed_in

        user_logged_in.connect(signed_in)
