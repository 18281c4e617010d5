from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_security'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='deletes_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='erasure_started_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['deletes_at'], name='people_to_erase'),
        ),
    ]
