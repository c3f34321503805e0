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
        migrations.AlterField(
            model_name='account',
            name='username',
            field=models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]([A-Za-z0-9._@+*#$-]*[A-Za-z0-9._@+*$-])?\\Z', 'Letters, digits and . _ @ + - * # $ only, with a letter or digit first, and # not last.')], verbose_name='user name'),
        ),
        migrations.AlterField(
            model_name='sipcredential',
            name='username',
            field=models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]([A-Za-z0-9._@+*#$-]*[A-Za-z0-9._@+*$-])?\\Z', 'Letters, digits and . _ @ + - * # $ only, with a letter or digit first, and # not last.')], verbose_name='SIP user name'),
        ),
        migrations.AlterField(
            model_name='trunkaccount',
            name='username',
            field=models.CharField(max_length=64, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]([A-Za-z0-9._@+*#$-]*[A-Za-z0-9._@+*$-])?\\Z', 'Letters, digits and . _ @ + - * # $ only, with a letter or digit first, and # not last.')], verbose_name='user name'),
        ),
    ]
