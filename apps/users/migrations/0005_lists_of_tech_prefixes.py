import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0004_payer_and_off_peak_calls'),
    ]

    operations = [
        migrations.AlterField(
            model_name='account',
            name='tech_prefix',
            field=models.CharField(blank=True, help_text='A customer trunk is known by its address and this prefix, which is then taken off. Several with commas: by any of them, the longest that fits.', max_length=255, validators=[django.core.validators.RegexValidator('^([0-9*#]{1,16}( *, *[0-9*#]{1,16})*)?\\Z', 'Digits, * and # only; several with commas.')], verbose_name='tech prefix'),
        ),
    ]
