"""The application as it is deployed, but a body has to come within a second."""

from config import Config
from repair_app import create_app as create


class ImpatientConfig(Config):
    BODY_SECONDS = 1


def create_app():
    return create(ImpatientConfig())
