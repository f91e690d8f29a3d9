"""The pages' addresses."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from example_project.pages import connections, views

urlpatterns = [
    path("", views.home, name="home"),
    # Pages that name no icon, such as the admin's, ask here.
    path("favicon.ico", RedirectView.as_view(url=static("pages/icon.svg"))),
    path("decode/", views.decode, name="decode"),
    path("connect/", connections.connect, name="connect"),
    path("enter/", views.enter, name="enter"),
    path("sign-in/", LoginView.as_view(template_name="pages/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
]
