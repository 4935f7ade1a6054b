"""Addresses of the JSON face, all under /api/v1/."""

from django.urls import path, re_path

from releases.api import views

urlpatterns = [
    path("releases", views.releases, name="api_releases"),
    path("releases/<int:pk>", views.release, name="api_release"),
    path("deployments", views.deployments, name="api_deployments"),
    path("deployments/<int:pk>", views.deployment, name="api_deployment"),
    path("deployments/<int:pk>/finish", views.finish, name="api_finish"),
    path("checklist-runs", views.checklist_runs, name="api_checklist_runs"),
    path("checklist-runs/<int:pk>", views.checklist_run, name="api_checklist_run"),
    path("findings/<int:pk>/acceptance", views.acceptance, name="api_acceptance"),
    path("acceptances/<int:pk>/withdraw", views.withdraw, name="api_withdraw"),
    path("rehearsals", views.rehearsals, name="api_rehearsals"),
    path("rehearsals/<int:pk>", views.rehearsal, name="api_rehearsal"),
    path("way-back/<str:service>/<str:environment>", views.way_back, name="api_way_back"),
    path("rollbacks", views.rollbacks, name="api_rollbacks"),
    path("rollbacks/<int:pk>", views.rollback, name="api_rollback"),
    re_path(r"", views.nothing_here, name="api_nothing"),
]
