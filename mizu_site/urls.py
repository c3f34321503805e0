"""Every address of the office: admin, portal, API."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from apps.cdrs import views as calls
from apps.numbers import views as numbers
from apps.pricelists import views as lists
from apps.routing import views as routes
from apps.users import views as reach

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("admin/calls/", admin.site.admin_view(calls.current), name="admin_current_calls"),
    path("admin/calls/<uuid:call_id>/end/", admin.site.admin_view(calls.end), name="admin_end_call"),
    path("admin/calls/<uuid:call_id>/record/", admin.site.admin_view(calls.record), name="admin_record_call"),
    path("admin/calls/<uuid:call_id>/log/", admin.site.admin_view(calls.log_messages), name="admin_log_call"),
    path("admin/calls/<uuid:call_id>/why/", admin.site.admin_view(calls.why_so), name="admin_call_why"),
    path("admin/where/", admin.site.admin_view(routes.where), name="admin_where"),
    path("admin/carriers/", admin.site.admin_view(reach.carriers), name="admin_carriers_now"),
    path(
        "admin/carriers/<int:account_id>/register/",
        admin.site.admin_view(reach.register_carrier),
        name="admin_register_carrier",
    ),
    path("admin/phones/<int:account_id>/", admin.site.admin_view(reach.phones), name="admin_phones"),
    path(
        "admin/phones/<int:account_id>/forget/",
        admin.site.admin_view(reach.forget_phone),
        name="admin_forget_phone",
    ),
    path("admin/numbers/try/", admin.site.admin_view(numbers.try_page), name="admin_try_number"),
    path("admin/prices/", admin.site.admin_view(lists.compare_tariffs), name="admin_compare_prices"),
    path("admin/calculator/", admin.site.admin_view(lists.calculator), name="admin_calculator"),
    path("admin/what-if/", admin.site.admin_view(lists.what_if_page), name="admin_what_if"),
    path("admin/desk/", include("apps.desk.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("apps.portal.access_urls")),
    path("api/", include("apps.api.urls")),
    path("recordings/", include("apps.recordings.urls")),
    path("", include("apps.portal.urls")),
]
