"""A passkey in software: what a browser and its authenticator answer to the server's challenges (WebAuthn, ES256)."""

import json
from hashlib import sha256
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

ID = b"a passkey of the tests"
PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x45


class Passkey:
    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def registration(self, client: Any) -> str:
        """The form's `credential` for the challenge that the client's session holds."""
        public = AttestedCredentialData.create(bytes(16), ID, ES256.from_cryptography_key(self.key.public_key()))
        data = AuthenticatorData.create(host_hash(), WITH_KEY, 0, public)  # type: ignore[arg-type]
        answer = {
            "clientDataJSON": websafe_encode(client_data("webauthn.create", client)),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return credential(answer, clientExtensionResults={"credProps": {"rk": True}})

    def assertion(self, client: Any, user: Any) -> str:
        """The form's `credential` with which this person signs the challenge that the client's session holds."""
        collected = client_data("webauthn.get", client)
        data = AuthenticatorData.create(host_hash(), PRESENT_AND_VERIFIED, 0)  # type: ignore[arg-type]
        signature = self.key.sign(data + sha256(collected).digest(), ec.ECDSA(SHA256()))
        answer = {
            "clientDataJSON": websafe_encode(collected),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(user_pk_to_url_str(user).encode()),
        }
        return credential(answer)


def host_hash() -> bytes:
    return sha256(b"localhost").digest()


def client_data(kind: str, client: Any) -> CollectedClientData:
    challenge = client.session["mfa.webauthn.state"]["challenge"]
    return CollectedClientData.create(kind, challenge, settings.SITE_URL)


def credential(answer: dict[str, str], **more: Any) -> str:
    key = websafe_encode(ID)
    return json.dumps({"id": key, "rawId": key, "type": "public-key", "response": answer, **more})
