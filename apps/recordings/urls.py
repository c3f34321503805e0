"""Addresses of the sound itself."""

from django.urls import path

from apps.recordings import views

urlpatterns = [
    path("<int:pk>/listen/", views.listen, name="recording_listen"),
    path("<int:pk>/wav/", views.download, {"way": "wav"}, name="recording_wav"),
    path("<int:pk>/mp3/", views.download, {"way": "mp3"}, name="recording_mp3"),
]
