"""A zone that nobody chose is empty, so that the browser's counts."""

from django.db import migrations, models


def forget_the_default(apps, schema_editor):
    """UTC was never a choice: until now there was no page to choose on."""
    users = apps.get_model("releases", "User").objects.using(schema_editor.connection.alias)
    users.filter(time_zone="UTC").update(time_zone="")


class Migration(migrations.Migration):
    dependencies = [("releases", "0010_expected_results")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="time_zone",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.RunPython(forget_the_default, migrations.RunPython.noop),
    ]
