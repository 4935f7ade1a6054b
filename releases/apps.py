"""The domain as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReleasesConfig(AppConfig):
    name = "releases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from releases import checks  # noqa: F401 - registers the system checks
        from releases.services.passages import index_after_migrate
        from releases.triggers import install_after_migrate

        post_migrate.connect(install_after_migrate, sender=self)
        post_migrate.connect(index_after_migrate, sender=self)
