"""Deployments that were checked before keep the response time that lists have shown of them."""

from django.db import migrations

# Reads a probe's figures and no rows; what it returns is what the column holds.
from releases.queries.timings import KEY, kept

BATCH = 500
"""Deployments that are read and written in one transaction, so that nobody waits for long."""


def take_over(apps, schema_editor):
    alias = schema_editor.connection.alias
    deployments = apps.get_model('releases', 'Deployment').objects.using(alias)
    probes = apps.get_model('releases', 'ProbeRun').objects.using(alias)
    last = 0
    while True:
        checked = deployments.filter(pk__gt=last, verify_run__isnull=False).order_by('pk')
        batch = list(checked.only('pk', 'verify_run')[:BATCH])
        if not batch:
            return
        last = batch[-1].pk
        answers = probes.filter(run__in=[each.verify_run_id for each in batch], key=KEY)
        measured = {
            run: kept(figures, (settings or {}).get('checklist', {}).get(KEY))
            for run, figures, settings in answers.order_by('pk').values_list('run', 'figures', 'run__settings')
        }
        for each in batch:
            each.response_time = measured.get(each.verify_run_id)
        found = [each for each in batch if each.response_time]
        deployments.bulk_update(found, ['response_time'])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('releases', '0028_response_time_of_deployments'),
    ]

    operations = [
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
