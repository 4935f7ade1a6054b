"""The addresses: the JSON face under /api/v1/, everything else is the dashboard's."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("releases.api.urls")),
    path("", include("dashboard.urls")),
]

handler403 = "dashboard.views.errors.permission_denied"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
