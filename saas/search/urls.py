from django.urls import path

from saas.search import views

app_name = "search"
urlpatterns = [
    path("o/<slug:org_slug>/search/", views.results, name="results"),
    path("o/<slug:org_slug>/search/palette/", views.palette, name="palette"),
    path("search/palette/", views.palette_anywhere, name="palette_anywhere"),
]
