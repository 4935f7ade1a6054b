"""When the oldest commit of a release was made, where whoever registers it says so."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0031_messages_together'),
    ]

    operations = [
        migrations.AddField(
            model_name='release',
            name='committed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
