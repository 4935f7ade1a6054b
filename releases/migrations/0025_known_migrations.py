"""What was said of the migrations in between stays when a later look fails."""

from django.db import migrations, models


def take_over(apps, schema_editor):
    """What the last look was told, it was told then."""
    reports = apps.get_model('releases', 'MigrationReport').objects.using(schema_editor.connection.alias)
    reports.filter(problem='').update(
        answered_at=models.F('looked_at'), answered_on=models.F('host')
    )


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0024_memberships'),
    ]

    operations = [
        migrations.AddField(
            model_name='migrationreport',
            name='answered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='migrationreport',
            name='answered_on',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
