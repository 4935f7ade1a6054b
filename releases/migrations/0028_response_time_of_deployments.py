from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0027_tokens_for_one_service'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='response_time',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
