from django.urls import path

from saas.sandbox import views

app_name = "sandbox"
urlpatterns = [
    path("mail/", views.mail_list, name="mail_list"),
    path("mail/clear/", views.mail_clear, name="mail_clear"),
    path("mail/<str:key>/", views.mail_detail, name="mail_detail"),
    path("mail/<str:key>/html/", views.mail_html, name="mail_html"),
]
