"""Groups hold for all services or for one; what they may is in the code, so Django's own permissions go."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def take_over(apps, schema_editor):
    """Everybody keeps the groups they are in, for all services."""
    alias = schema_editor.connection.alias
    memberships = apps.get_model('releases', 'Membership').objects.using(alias)
    for user in apps.get_model('releases', 'User').objects.using(alias).prefetch_related('groups'):
        for group in user.groups.all():
            memberships.create(
                user=user, group=group.name, since=timezone.now(), given_by='taken over from before'
            )


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0023_terminal_of_the_worker'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='acceptance',
            options={},
        ),
        migrations.AlterModelOptions(
            name='checklistrun',
            options={},
        ),
        migrations.AlterModelOptions(
            name='confirmation',
            options={'default_permissions': ()},
        ),
        migrations.AlterModelOptions(
            name='deployment',
            options={},
        ),
        migrations.AlterModelOptions(
            name='event',
            options={'default_permissions': (), 'ordering': ['seq']},
        ),
        migrations.AlterModelOptions(
            name='freeze',
            options={},
        ),
        migrations.AlterModelOptions(
            name='note',
            options={'default_permissions': (), 'ordering': ['pk']},
        ),
        migrations.AlterModelOptions(
            name='release',
            options={},
        ),
        migrations.AlterModelOptions(
            name='rollback',
            options={},
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.CharField(max_length=20)),
                ('since', models.DateTimeField()),
                ('given_by', models.CharField(max_length=150)),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='releases.service')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('user', 'group', 'service'), name='membership_once_per_service'), models.UniqueConstraint(condition=models.Q(('service', None)), fields=('user', 'group'), name='membership_once_for_all')],
            },
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
