"""What several environments are told of at once is sent as one message."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0030_release_version_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='together',
            field=models.CharField(blank=True, max_length=40),
        ),
    ]
