"""By which secret a platform knows that a change comes from us: derived, and kept nowhere.

The key of the deployment lies outside the tree and the database; the secret of a platform follows
from it, the platform's code and the number of its generation. A new generation is another secret;
for a while both sign, so that the platform can change over in its own time.
"""

import base64
import hmac
from datetime import timedelta
from typing import Final

from flask import current_app
from standardwebhooks import Webhook

from repair_app.db import machine_time, now
from repair_app.models import Platform

OVERLAP: Final = timedelta(days=7)  # for which the former secret signs as well


def secret_of(platform: Platform, generation: int | None = None) -> str:
    """Return the signing secret of a platform, as Standard Webhooks writes it (`whsec_…`)."""
    number = platform.generation if generation is None else generation
    key = str(current_app.config["WEBHOOK_KEY"]).encode()
    digest = hmac.digest(key, f"webhook:{platform.code}:{number}".encode(), "sha256")
    return "whsec_" + base64.b64encode(digest).decode()


def sign(platform: Platform, message_id: str, body: str) -> dict[str, str]:
    """Return the headers of a message: id, time of sending and signatures (Standard Webhooks 1).

    The time is that of the machine, whatever moment the work is done for: receivers refuse what
    is older than five minutes.
    """
    sent = machine_time()
    generations = [platform.generation]
    if platform.rotated_at and now() < platform.rotated_at + OVERLAP:
        generations.append(platform.generation - 1)
    signatures = [
        Webhook(secret_of(platform, one)).sign(message_id, sent, body) for one in generations
    ]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
