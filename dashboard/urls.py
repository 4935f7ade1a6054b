"""The addresses of the pages. Live regions have their own, under the page's with /live."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from dashboard.converters import KeyConverter, VersionConverter
from dashboard.views import (
    account,
    board,
    checklists,
    confirm,
    deploying,
    deployments,
    freezes,
    health,
    history,
    notes,
    operating,
    rehearsals,
    releases,
    results,
    review,
    rollbacks,
    services,
    trends,
)
from dashboard.views.signing_in import SignIn

register_converter(KeyConverter, "key")
register_converter(VersionConverter, "version")

urlpatterns = [
    path("", board.board, name="board"),
    path("live", board.board_live, name="board_live"),
    path("workers", operating.workers, name="workers"),
    path("setup", operating.setup, name="setup"),
    path("review", review.review, name="review"),
    path("trends", trends.trends, name="trends"),
    path("healthz", health.healthz, name="healthz"),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", account.account, name="account"),
    path("account/zone", account.zone, name="account_zone"),
    path("history", history.history, name="history"),
    path("s/<key:service>/", services.service, name="service"),
    path("s/<key:service>/v/<version:version>", releases.by_version, name="release_by_version"),
    path("s/<key:service>/<key:environment>/", services.environment, name="environment"),
    path("s/<key:service>/<key:environment>/live", services.environment_live, name="environment_live"),
    path("s/<key:service>/<key:environment>/deployments/new", deployments.start, name="deployment_start"),
    path("s/<key:service>/<key:environment>/rollback", confirm.confirm, name="confirm"),
    path("s/<key:service>/<key:environment>/rollback/live", confirm.confirm_live, name="confirm_live"),
    path("s/<key:service>/<key:environment>/checklist-runs", checklists.again, name="checklist_again"),
    path("findings/<int:pk>/accept", checklists.accept, name="finding_accept"),
    path("acceptances/<int:pk>/withdraw", checklists.withdraw, name="acceptance_withdraw"),
    path("releases/new", releases.register, name="release_register"),
    path("releases/<int:pk>", releases.release, name="release"),
    path("releases/<int:pk>/live", releases.release_live, name="release_live"),
    path("releases/<int:pk>/notes", notes.of_release, name="release_notes"),
    path("releases/<int:pk>/results/<int:number>", results.confirm, name="result_confirm"),
    path("s/<key:service>/<key:environment>/deploy", deploying.new, name="deploy"),
    path("s/<key:service>/<key:environment>/deploy/command", deploying.command, name="deploy_command"),
    path("s/<key:service>/<key:environment>/rehearse", rehearsals.new, name="rehearse"),
    path("rehearsals/<int:pk>", rehearsals.rehearsal, name="rehearsal"),
    path("rehearsals/<int:pk>/live", rehearsals.rehearsal_live, name="rehearsal_live"),
    path("rehearsals/<int:pk>/stop", rehearsals.stop, name="rehearsal_stop"),
    path("deployments/<int:pk>", deploying.deployment, name="deployment"),
    path("deployments/<int:pk>/live", deploying.deployment_live, name="deployment_live"),
    path("deployments/<int:pk>/stop", deploying.stop, name="deployment_stop"),
    path("deployments/<int:pk>/finish", deployments.finish, name="deployment_finish"),
    path("rollbacks/<int:pk>", rollbacks.rollback, name="rollback"),
    path("rollbacks/<int:pk>/live", rollbacks.rollback_live, name="rollback_live"),
    path("rollbacks/<int:pk>/cancel", rollbacks.cancel, name="rollback_cancel"),
    path("rollbacks/<int:pk>/stop", rollbacks.stop, name="rollback_stop"),
    path("rollbacks/<int:pk>/override", rollbacks.override, name="rollback_override"),
    path("rollbacks/<int:pk>/verify", rollbacks.verify, name="rollback_verify"),
    path("rollbacks/<int:pk>/notes", notes.of_rollback, name="rollback_notes"),
    path("freezes/<int:pk>/lift", freezes.lift, name="freeze_lift"),
]
