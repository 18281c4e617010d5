from django.urls import path

from saas.mailing import views

app_name = "mailing"
urlpatterns = [
    path("account/mail/", views.mail_notice, name="mail_notice"),
    path("account/mail/on/", views.mail_switch_on, name="mail_switch_on"),
    path("hooks/mail/resend/", views.resend_report, name="resend_report"),
]
