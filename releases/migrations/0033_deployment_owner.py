"""A deployment knows its release's owner, so that an owner's deployments are read in their order."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery

BATCH = 5000
"""Deployments that are written in one transaction, so that nobody waits for long."""


def take_over(apps, schema_editor):
    alias = schema_editor.connection.alias
    deployments = apps.get_model('releases', 'Deployment').objects.using(alias)
    owners = apps.get_model('releases', 'Release').objects.using(alias).filter(pk=OuterRef('release'))
    newest = deployments.aggregate(newest=models.Max('pk'))['newest'] or 0
    for first in range(0, newest + 1, BATCH):
        batch = deployments.filter(pk__gte=first, pk__lt=first + BATCH)
        batch.update(owner=Subquery(owners.values('owner')))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('releases', '0032_release_committed_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='owner',
            field=models.CharField(default='', max_length=150),
            preserve_default=False,
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['owner', '-id'], name='deployment_newest_of_owner'),
        ),
    ]
