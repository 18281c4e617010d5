"""How a session's person is found."""

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend

from accounts.models import User
from saas.mongo.rows import find_row


class AuthenticationBackend(AllauthBackend):
    """allauth's, with the read of each request made directly."""

    def get_user(self, user_id: str) -> User | None:
        """The active person of this key, or None.  One find."""
        user = find_row(User, pk=user_id)
        return user if user and self.user_can_authenticate(user) else None
