from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("releases", "0002_acceptance"),
    ]

    operations = [
        migrations.AddField(
            model_name="renderedcommand",
            name="artifact_found",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="renderedcommand",
            name="found",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="renderedcommand",
            name="looked",
            field=models.PositiveBigIntegerField(default=0),
        ),
    ]
