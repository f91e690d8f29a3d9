"""The notes' addresses."""

from __future__ import annotations

from django.urls import path

from example_project.notes import views

urlpatterns = [
    path("", views.page, name="notes"),
    path("api/", views.NotesView.as_view(), name="notes-api"),
    path("latest/", views.latest, name="notes-latest"),
    path("upload/", views.upload, name="notes-upload"),
    path("census/", views.CensusView.as_view(), name="notes-census"),
]
