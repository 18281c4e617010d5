"""Who gets what at each URL. A URL without a line fails, and so does one that takes a POST without a line for it.

A line is: method, URL name, and the status for each person. The arguments come from tests/factories.py, the POST has
no fields. To add a URL write its line first, by thinking; then make it true.
"""

import pytest
from django.urls import reverse

from saas.access import routes
from tests.factories import ARGUMENTS, make_world

PEOPLE = ("nobody", "outsider", "viewer", "member", "admin", "owner", "staff")

TABLE = """
#    URL                                    nobody outsider viewer member admin owner staff

# Anybody
GET  home                                   200    302      302    302    302   302   302
GET  terms                                  200    200      200    200    200   200   200
GET  privacy                                200    200      200    200    200   200   200
GET  robots                                 200    200      200    200    200   200   200
GET  healthz                                200    200      200    200    200   200   200
GET  readyz                                 200    200      200    200    200   200   200
POST accounts:theme                         400    400      400    400    400   400   400
GET  accounts:cookies                       200    200      200    200    200   200   200
POST accounts:cookies                       400    400      400    400    400   400   400

# Signing in and up; who is signed in already is led on
GET  account_login                          200    302      302    302    302   302   302
POST account_login                          200    302      302    302    302   302   302
GET  account_logout                         302    200      200    200    200   200   200
POST account_logout                         302    302      302    302    302   302   302
GET  account_signup                         200    302      302    302    302   302   302
POST account_signup                         200    302      302    302    302   302   302
GET  account_inactive                       200    200      200    200    200   200   200
GET  account_confirm_login_code             302    302      302    302    302   302   302
POST account_confirm_login_code             302    302      302    302    302   302   302
GET  account_email_verification_sent        200    200      200    200    200   200   200
GET  account_confirm_email                  200    200      200    200    200   200   200
POST account_confirm_email                  404    404      404    404    404   404   404
GET  account_reset_password                 200    200      200    200    200   200   200
POST account_reset_password                 200    200      200    200    200   200   200
GET  account_reset_password_done            200    200      200    200    200   200   200
GET  account_reset_password_from_key        200    200      200    200    200   200   200
POST account_reset_password_from_key        200    200      200    200    200   200   200
GET  account_reset_password_from_key_done   200    200      200    200    200   200   200

# Other ways in, here none that is under way; and out of a lock
GET  account_request_login_code             200    302      302    302    302   302   302
POST account_request_login_code             200    302      302    302    302   302   302
GET  mfa_authenticate                       302    302      302    302    302   302   302
POST mfa_authenticate                       302    302      302    302    302   302   302
GET  mfa_trust                              302    302      302    302    302   302   302
POST mfa_trust                              302    302      302    302    302   302   302
GET  mfa_login_webauthn                     302    302      302    302    302   302   302
POST mfa_login_webauthn                     302    302      302    302    302   302   302
GET  socialaccount_login_cancelled          200    200      200    200    200   200   200
GET  socialaccount_login_error              401    401      401    401    401   401   401
GET  socialaccount_signup                   302    302      302    302    302   302   302
POST socialaccount_signup                   302    302      302    302    302   302   302
GET  openid_connect_login                   404    404      404    404    404   404   404
POST openid_connect_login                   404    404      404    404    404   404   404
GET  openid_connect_callback                404    404      404    404    404   404   404
POST openid_connect_callback                404    404      404    404    404   404   404
GET  accounts:not_me                        404    404      404    404    404   404   404
POST accounts:not_me                        404    404      404    404    404   404   404
GET  accounts:locked                        200    200      200    200    200   200   200
GET  accounts:deleted                       200    200      200    200    200   200   200
GET  accounts:keep                          303    303      303    303    303   303   303
POST accounts:keep                          303    303      303    303    303   303   303

# The person's own
GET  account_reauthenticate                 302    200      200    200    200   200   200
POST account_reauthenticate                 302    200      200    200    200   200   200
GET  account_email                          302    200      200    200    200   200   200
POST account_email                          302    302      302    302    302   302   302
GET  account_change_password                302    200      200    200    200   200   200
POST account_change_password                302    200      200    200    200   200   200
GET  account_set_password                   302    302      302    302    302   302   302
POST account_set_password                   302    302      302    302    302   302   302
GET  accounts:delete                        302    303      303    303    303   303   303
POST accounts:delete                        302    303      303    303    303   303   303
GET  accounts:profile                       302    200      200    200    200   200   200
POST accounts:profile                       302    422      422    422    422   422   422

# Who gets in, and where one is in. What could do harm asks first who it is.
GET  accounts:security                      302    200      200    200    200   200   200
GET  accounts:session_end                   302    303      303    303    303   303   303
POST accounts:session_end                   302    303      303    303    303   303   303
GET  usersessions_list                      302    200      200    200    200   200   200
POST usersessions_list                      302    303      303    303    303   303   303
GET  mfa_index                              302    303      303    303    303   303   303
GET  mfa_list_webauthn                      302    303      303    303    303   303   303
GET  mfa_reauthenticate                     302    302      302    302    302   302   302
POST mfa_reauthenticate                     302    302      302    302    302   302   302
GET  mfa_reauthenticate_webauthn            302    302      302    302    302   302   302
POST mfa_reauthenticate_webauthn            302    302      302    302    302   302   302
GET  mfa_activate_totp                      302    302      302    302    302   302   302
POST mfa_activate_totp                      302    302      302    302    302   302   302
GET  mfa_deactivate_totp                    302    404      404    404    404   404   404
POST mfa_deactivate_totp                    302    404      404    404    404   404   404
GET  mfa_view_recovery_codes                302    404      404    404    404   404   404
GET  mfa_generate_recovery_codes            302    302      302    302    302   302   302
POST mfa_generate_recovery_codes            302    302      302    302    302   302   302
GET  mfa_download_recovery_codes            302    404      404    404    404   404   404
GET  mfa_add_webauthn                       302    302      302    302    302   302   302
POST mfa_add_webauthn                       302    302      302    302    302   302   302
GET  mfa_edit_webauthn                      302    302      302    302    302   302   302
POST mfa_edit_webauthn                      302    302      302    302    302   302   302
GET  mfa_remove_webauthn                    302    302      302    302    302   302   302
POST mfa_remove_webauthn                    302    302      302    302    302   302   302
GET  socialaccount_connections              302    200      200    200    200   200   200
POST socialaccount_connections              302    200      200    200    200   200   200

GET  accounts:onboarding                    302    303      303    303    303   303   303
GET  accounts:onboarding_step               302    303      303    303    303   303   303
POST accounts:onboarding_step               302    303      303    303    303   303   303
POST accounts:onboarding_draft              302    204      204    204    204   204   204
POST accounts:onboarding_skip               302    303      303    303    303   303   303
GET  organizations:organization_list        302    200      200    200    200   200   200
GET  organizations:organization_create      302    200      200    200    200   200   200
POST organizations:organization_create      302    422      422    422    422   422   422
GET  organizations:switcher                 302    200      200    200    200   200   200
GET  organizations:organization_last        302    303      303    303    303   303   303
GET  organizations:organization_restore     302    404      404    404    404   404   404
POST organizations:organization_restore     302    404      404    404    404   404   404
POST organizations:invitation_accept        302    404      404    404    404   404   404
POST organizations:invitation_decline       302    404      404    404    404   404   404

# Background jobs: one's own; the world's job is the member's, and has failed without a file
GET  accounts:export                        302    200      200    200    200   200   200
POST accounts:export                        302    303      303    303    303   303   303
GET  jobs:job_list                          302    200      200    200    200   200   200
GET  jobs:job_detail                        302    404      404    200    404   404   404
POST jobs:job_cancel                        302    404      404    303    404   404   404
GET  jobs:job_file                          302    404      404    404    404   404   404
GET  org_jobs:job_list                      302    404      200    200    200   200   404
GET  mailing:mail_notice                    302    200      200    200    200   200   200
POST mailing:mail_switch_on                 302    303      303    303    303   303   303
POST mailing:resend_report                  404    404      404    404    404   404   404

# Notifications: one's own; the world's notification is the member's. The POSTs need the page's moment or a signed link
GET  notifications:list                     302    200      200    200    200   200   200
GET  notifications:recent                   302    200      200    200    200   200   200
GET  notifications:count                    302    200      200    200    200   200   200
POST notifications:seen                     302    400      400    400    400   400   400
POST notifications:read_all                 302    400      400    400    400   400   400
GET  notifications:open                     302    404      404    303    404   404   404
POST notifications:read                     302    404      404    303    404   404   404
POST notifications:unread                   302    404      404    303    404   404   404
POST notifications:archive                  302    404      404    303    404   404   404
POST notifications:unarchive                302    404      404    303    404   404   404
GET  notifications:preferences              302    200      200    200    200   200   200
POST notifications:preferences              302    422      422    422    422   422   422
GET  notifications:unsubscribe              404    404      404    404    404   404   404
POST notifications:unsubscribe              404    404      404    404    404   404   404
GET  org_notifications:defaults             302    404      403    403    200   200   404
POST org_notifications:defaults             302    404      403    403    303   303   404

# An organization's
GET  organizations:dashboard                302    404      200    200    200   200   404
GET  organizations:role_list                302    404      200    200    200   200   404
GET  organizations:settings                 302    404      403    403    200   200   404
POST organizations:settings                 302    404      403    403    422   422   404
POST organizations:settings_logo            302    404      403    403    422   422   404
GET  organizations:logo                     302    404      404    404    404   404   404
GET  organizations:organization_delete      302    404      403    403    403   303   404
POST organizations:organization_delete      302    404      403    403    403   303   404

# Members. Handing over asks first who it is.
GET  organizations:member_list              302    404      200    200    200   200   404
GET  organizations:member_detail            302    404      200    200    200   200   404
GET  organizations:member_person            302    404      303    303    303   303   404
POST organizations:member_role              302    404      403    403    303   303   404
POST organizations:member_suspend           302    404      403    403    303   303   404
POST organizations:member_unsuspend         302    404      403    403    303   303   404
GET  organizations:member_remove            302    404      403    403    200   200   404
POST organizations:member_remove            302    404      403    403    303   303   404
GET  organizations:member_leave             302    404      200    200    200   200   404
POST organizations:member_leave             302    404      303    303    303   303   404
GET  organizations:invitation_list          302    404      403    403    200   200   404
GET  organizations:invitation_create        302    404      403    403    200   200   404
POST organizations:invitation_create        302    404      403    403    422   422   404
POST organizations:invitation_resend        302    404      403    403    303   303   404
POST organizations:invitation_revoke        302    404      403    403    303   303   404
GET  organizations:ownership                302    404      200    200    200   200   404
GET  organizations:ownership_request        302    404      403    403    403   303   404
POST organizations:ownership_request        302    404      403    403    403   303   404
GET  organizations:ownership_accept         302    404      303    303    303   303   404
POST organizations:ownership_accept         302    404      303    303    303   303   404
POST organizations:ownership_decline        302    404      303    303    303   303   404
POST organizations:ownership_cancel         302    404      403    403    403   303   404

# Search
GET  search:results                         302    404      200    200    200   200   404
GET  search:palette                         302    404      200    200    200   200   404
GET  search:palette_anywhere                302    200      200    200    200   200   200

# By the link of an invitation; here one that leads nowhere
GET  invitations:invitation_detail          404    404      404    404    404   404   404
POST invitations:invitation_enter           404    404      404    404    404   404   404
POST invitations:invitation_join            404    404      404    404    404   404   404
POST invitations:invitation_refuse          404    404      404    404    404   404   404

# Projects
GET  organizations:project_list             302    404      200    200    200   200   404
GET  organizations:project_recent           302    404      200    200    200   200   404
GET  organizations:project_create           302    404      403    200    200   200   404
POST organizations:project_create           302    404      403    422    422   422   404
GET  organizations:project_detail           302    404      200    200    200   200   404
GET  organizations:project_edit             302    404      403    200    200   200   404
POST organizations:project_edit             302    404      403    422    422   422   404
GET  organizations:project_share            302    404      403    403    200   200   404
POST organizations:project_share            302    404      403    403    422   422   404
POST organizations:project_archive          302    404      403    303    303   303   404
POST organizations:project_restore          302    404      403    303    303   303   404
GET  organizations:project_delete           302    404      403    403    200   200   404
POST organizations:project_delete           302    404      403    403    422   422   404

# The activity feed
GET  organizations:activity_list            302    404      200    200    200   200   404
GET  organizations:activity_new             302    404      200    200    200   200   404
GET  organizations:activity_people          302    404      200    200    200   200   404
GET  organizations:activity_recent          302    404      200    200    200   200   404

# Webhooks: the organization's endpoints. Whoever replaces a secret says first again who it is
GET  webhooks:webhook_list                  302    404      403    403    200   200   404
GET  webhooks:webhook_create                302    404      403    403    200   200   404
POST webhooks:webhook_create                302    404      403    403    422   422   404
GET  webhooks:webhook_detail                302    404      403    403    200   200   404
GET  webhooks:webhook_edit                  302    404      403    403    200   200   404
POST webhooks:webhook_edit                  302    404      403    403    422   422   404
GET  webhooks:webhook_secret                302    404      403    403    200   200   404
POST webhooks:webhook_secret                302    404      403    403    303   303   404
GET  webhooks:webhook_rotate                302    404      403    403    303   303   404
POST webhooks:webhook_rotate                302    404      403    403    303   303   404
POST webhooks:webhook_pause                 302    404      403    403    303   303   404
POST webhooks:webhook_resume                302    404      403    403    303   303   404
GET  webhooks:webhook_delete                302    404      403    403    200   200   404
POST webhooks:webhook_delete                302    404      403    403    303   303   404
POST webhooks:webhook_test                  302    404      403    403    422   422   404
POST webhooks:webhook_replay                302    404      403    403    422   422   404
GET  webhooks:delivery_detail               302    404      403    403    200   200   404
POST webhooks:delivery_replay               302    404      403    403    303   303   404

GET  audit:entry_list                       302    404      403    403    200   200   404
GET  audit:entry_detail                     302    404      403    403    200   200   404
POST audit:entry_verify                     302    404      403    403    200   200   404
POST audit:entry_export                     302    404      403    403    200   200   404

# The staff's
GET  staff_audit:entry_list                 302    404      404    404    404   404   200
GET  staff_audit:entry_detail               302    404      404    404    404   404   200
POST staff_audit:entry_verify               302    404      404    404    404   404   200
POST staff_audit:entry_export               302    404      404    404    404   404   200
GET  platform_admin:home                    302    404      404    404    404   404   200
GET  platform_admin:event_list              302    404      404    404    404   404   200
GET  platform_admin:event_parked            302    404      404    404    404   404   200
GET  platform_admin:event_matrix            302    404      404    404    404   404   200
GET  platform_admin:event_detail            302    404      404    404    404   404   200
POST platform_admin:event_replay            302    404      404    404    404   404   303
POST platform_admin:event_retry             302    404      404    404    404   404   303
GET  platform_admin:job_list                302    404      404    404    404   404   200
GET  platform_admin:dead_letter             302    404      404    404    404   404   200
POST platform_admin:dead_letter_edit        302    404      404    404    404   404   422
POST platform_admin:dead_letter_retry       302    404      404    404    404   404   303
POST platform_admin:dead_letter_discard     302    404      404    404    404   404   303
POST platform_admin:schedule_run            302    404      404    404    404   404   404
GET  platform_admin:mail_list               302    404      404    404    404   404   200
POST platform_admin:mail_switch_on          302    404      404    404    404   404   404

GET  platform_webhooks:webhook_list         302    404      404    404    404   404   200
GET  platform_webhooks:webhook_create       302    404      404    404    404   404   200
POST platform_webhooks:webhook_create       302    404      404    404    404   404   422
GET  platform_webhooks:webhook_detail       302    404      404    404    404   404   404
GET  platform_webhooks:webhook_edit         302    404      404    404    404   404   404
POST platform_webhooks:webhook_edit         302    404      404    404    404   404   404
GET  platform_webhooks:webhook_secret       302    404      404    404    404   404   404
POST platform_webhooks:webhook_secret       302    404      404    404    404   404   404
GET  platform_webhooks:webhook_rotate       302    404      404    404    404   404   404
POST platform_webhooks:webhook_rotate       302    404      404    404    404   404   404
POST platform_webhooks:webhook_pause        302    404      404    404    404   404   404
POST platform_webhooks:webhook_resume       302    404      404    404    404   404   404
GET  platform_webhooks:webhook_delete       302    404      404    404    404   404   404
POST platform_webhooks:webhook_delete       302    404      404    404    404   404   404
POST platform_webhooks:webhook_test         302    404      404    404    404   404   404
POST platform_webhooks:webhook_replay       302    404      404    404    404   404   404
GET  platform_webhooks:delivery_detail      302    404      404    404    404   404   404
POST platform_webhooks:delivery_replay      302    404      404    404    404   404   404

# Of development only
GET  styleguide                             200    200      200    200    200   200   200
GET  mail_preview                           200    200      200    200    200   200   200
GET  mail_preview_html                      404    404      404    404    404   404   404
GET  sandbox:hook_list                      200    200      200    200    200   200   200
GET  sandbox:hook_detail                    200    200      200    200    200   200   200
POST sandbox:hook_detail                    405    405      405    405    405   405   405
POST sandbox:hook_answer                    404    404      404    404    404   404   404
POST sandbox:hook_secret                    302    302      302    302    302   302   302
POST sandbox:hook_remove                    302    302      302    302    302   302   302
GET  sandbox:hook_delivery                  404    404      404    404    404   404   404
GET  sandbox:mail_list                      200    200      200    200    200   200   200
POST sandbox:mail_clear                     302    302      302    302    302   302   302
GET  sandbox:mail_detail                    404    404      404    404    404   404   404
GET  sandbox:mail_html                      404    404      404    404    404   404   404
"""

WORDS = [line.split() for line in TABLE.splitlines() if line.strip() and line[0] != "#"]
LINES = {(method, name): dict(zip(PEOPLE, map(int, statuses), strict=True)) for method, name, *statuses in WORDS}
ROUTES = {route.name or route.pattern: route for route in routes("saas.urls")}


@pytest.fixture(autouse=True)
def inbox(settings, tmp_path):
    settings.MAIL_SANDBOX_DIR = tmp_path / "mail"  # one of the pages empties it
    settings.DATA_DIR = tmp_path


@pytest.mark.parametrize(("method", "name"), LINES)
def test_everybody_gets_what_the_table_says(method, name):
    reading = make_world() if method == "GET" else None
    # What one person changes must not decide what the next one gets.
    assert {who: visit(method, name, who, reading or make_world()) for who in PEOPLE} == LINES[method, name]


def visit(method, name, who, world):
    """The status that this person gets."""
    route = ROUTES[name]
    address = reverse(name, kwargs={argument: ARGUMENTS[argument](world.tenant) for argument in route.arguments})
    data = {} if method == "GET" else {"csrfmiddlewaretoken": "what a browser sends with every form"}
    return getattr(world.client(who), method.lower())(address, data).status_code


def test_every_url_has_a_line_and_every_line_a_url():
    assert sorted({name for _, name in LINES} ^ ROUTES.keys()) == []
    assert len(LINES) == len(WORDS), "A line stands twice."


def with_one_line(method, other):
    """The URLs that have a line for this method and none for the other."""
    return sorted(name for verb, name in LINES if verb == method and (other, name) not in LINES and name in ROUTES)


@pytest.mark.parametrize("name", with_one_line("GET", "POST"))
def test_a_url_that_takes_a_post_has_a_line_for_it(name):
    allowed = [who for who in PEOPLE if LINES["GET", name][who] in (200, 303)] or ["owner"]
    assert visit("POST", name, allowed[-1], make_world()) in (404, 405), f"Write a POST line for {name}."


@pytest.mark.parametrize("name", with_one_line("POST", "GET"))
def test_a_url_without_a_get_line_refuses_the_method(name):
    mark = ROUTES[name].mark
    who = "staff" if mark and mark.kind == "staff" else "owner"
    assert visit("GET", name, who, make_world()) == 405, f"Write a GET line for {name}."
