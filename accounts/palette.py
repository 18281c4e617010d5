"""The pages about oneself, for the palette."""

from saas.search.actions import PERSON, Action, register

ACTIONS = (
    Action("Your profile", "user", "accounts:profile", scope=PERSON, words="name photo time zone language theme"),
    Action("E-mail addresses", "at-sign", "account_email", scope=PERSON, words="mail change"),
    Action(
        "Security",
        "shield-check",
        "accounts:security",
        scope=PERSON,
        words="password passkey authenticator two factor mfa sessions sign out devices",
    ),
    Action("Your background jobs", "hourglass", "jobs:job_list", scope=PERSON, words="progress downloads"),
    Action("Export your data", "package", "accounts:export", scope=PERSON, words="download copy"),
    Action("Sign out", "log-out", "account_logout", scope=PERSON, words="log leave end session"),
)


def register_all() -> None:
    for action in ACTIONS:
        register(action)
