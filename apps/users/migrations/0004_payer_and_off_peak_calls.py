import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0003_pins'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='max_calls_offpeak',
            field=models.PositiveIntegerField(blank=True, help_text='Outside the peak time (settings peaktimebegin, peaktimeend). 0: no limit; empty: as ever.', null=True, verbose_name='calls at once off peak'),
        ),
        migrations.AddField(
            model_name='account',
            name='payer',
            field=models.ForeignKey(blank=True, help_text='A subscriber or trunk that pays for its calls and numbers, for instance the company of an employee.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pays_for', to=settings.AUTH_USER_MODEL, verbose_name='paid by'),
        ),
    ]
