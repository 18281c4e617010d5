from django.urls import path

from saas.sandbox import hooks_views, views

app_name = "sandbox"
urlpatterns = [
    path("hooks/", hooks_views.hook_list, name="hook_list"),
    path("hooks/<slug:name>/", hooks_views.hook_detail, name="hook_detail"),
    path("hooks/<slug:name>/answer/", hooks_views.hook_answer, name="hook_answer"),
    path("hooks/<slug:name>/secret/", hooks_views.hook_secret, name="hook_secret"),
    path("hooks/<slug:name>/remove/", hooks_views.hook_remove, name="hook_remove"),
    path("hooks/<slug:name>/<str:key>/", hooks_views.hook_delivery, name="hook_delivery"),
    path("mail/", views.mail_list, name="mail_list"),
    path("mail/clear/", views.mail_clear, name="mail_clear"),
    path("mail/<str:key>/", views.mail_detail, name="mail_detail"),
    path("mail/<str:key>/html/", views.mail_html, name="mail_html"),
]
