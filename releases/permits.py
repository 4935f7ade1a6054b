"""What a person may do, read in one query: every page asks, and the framework's own backend asks twice."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q

from releases.models import User


class OneQueryBackend(ModelBackend):
    """Signs people in by name and password, and knows their permissions, own and of their groups."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        held: set[str] | None = vars(user_obj).get("_held_permissions")
        if held is None:
            of_groups = Permission.objects.filter(group__user=user_obj).values("pk")
            own = user_obj.user_permissions.values("pk")
            found = Permission.objects.filter(Q(pk__in=own) | Q(pk__in=of_groups)).order_by()
            held = {f"{app}.{name}" for app, name in found.values_list("content_type__app_label", "codename")}
            vars(user_obj)["_held_permissions"] = held
        return held
