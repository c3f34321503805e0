"""Every address of the office: admin, portal, API."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from apps.cdrs import views as calls

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("admin/calls/", admin.site.admin_view(calls.current), name="admin_current_calls"),
    path("admin/calls/<uuid:call_id>/end/", admin.site.admin_view(calls.end), name="admin_end_call"),
    path("admin/calls/<uuid:call_id>/log/", admin.site.admin_view(calls.log_messages), name="admin_log_call"),
    path("admin/", admin.site.urls),
    path("accounts/", include("apps.portal.access_urls")),
    path("api/", include("apps.api.urls")),
    path("", include("apps.portal.urls")),
]
