"""What the web server runs. All pages are loaded with it, once: before the server forks, and before anybody waits for the first."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - read, so that they are made
