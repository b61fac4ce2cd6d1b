"""Settings, read from the environment; secrets are made in the data folder, never in the tree."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MEGABYTE = 1024 * 1024


def data_folder() -> Path:
    """Return the folder of the SQLite file, the evidence and the keys (REDRESS_DATA, or ./data)."""
    folder = Path(os.environ.get("REDRESS_DATA") or ROOT / "data").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def read_secret(folder: Path, name: str) -> str:
    """Return the secret kept in the data folder under this name, made on first use.

    An exclusive create decides between two processes starting at once: the loser reads.
    """
    path = folder / name
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()


class Config:
    """What a deployment runs with; `TestConfig` changes only what a test must."""

    TESTING = False
    LANGUAGES = {"zh_Hans_CN": "中文", "en": "English"}
    BABEL_DEFAULT_LOCALE = "zh_Hans_CN"
    BABEL_DEFAULT_TIMEZONE = "Asia/Shanghai"

    WORKFLOWS = ROOT / "workflows"
    MAX_CONTENT_LENGTH = 64 * MEGABYTE
    MAX_FORM_MEMORY_SIZE = 2 * MEGABYTE
    MAX_FORM_PARTS = 500

    SQLALCHEMY_ENGINE_OPTIONS: dict[str, object] = {"pool_pre_ping": True}

    BOOTSTRAP_SERVE_LOCAL = True
    WTF_CSRF_TIME_LIMIT = None  # the session ends first; a long read must not cost what was typed

    SESSION_COOKIE_HTTPONLY = True
    SESSION_COOKIE_SAMESITE = "Lax"
    PERMANENT_SESSION_LIFETIME = timedelta(minutes=30)
    SESSION_REFRESH_EACH_REQUEST = True

    SECURITY_PASSWORD_HASH = "argon2"
    SECURITY_PASSWORD_SCHEMES = ["argon2"]
    SECURITY_PASSWORD_SINGLE_HASH = True
    SECURITY_PASSWORD_LENGTH_MIN = 12
    SECURITY_RESET_PASSWORD_WITHIN = timedelta(days=3)  # of a link that sets a password
    SECURITY_EMAIL_VALIDATOR_ARGS = {"check_deliverability": False}
    SECURITY_RETURN_GENERIC_RESPONSES = True
    SECURITY_DEFAULT_REMEMBER_ME = False
    SECURITY_FRESHNESS = timedelta(minutes=-1)  # no page for signing in again
    SECURITY_JOIN_USER_ROLES = False  # roles belong to appointments
    SECURITY_POST_LOGIN_VIEW = "/home"
    SECURITY_POST_LOGOUT_VIEW = "/"
    SECURITY_LOGOUT_METHODS = ["POST"]
    SECURITY_REDIRECT_VALIDATE_MODE = ["regex"]

    RATELIMIT_STORAGE_URI = "memory://"
    # Attempts that failed, counted by each server process for itself.
    LOGIN_RATE_LIMIT = "10 per minute"  # from one network address, at one account
    LOGIN_RATE_LIMIT_OF_ACCOUNT = "100 per hour"  # at one account, from wherever
    LOGIN_RATE_LIMIT_OF_PLACE = "100 per minute"  # from one network address
    COMPLAINT_RATE_LIMIT = "10 per hour"  # from one network address
    COMPLAINT_RATE_LIMIT_OF_RECORD = "3 per day"  # from one network address, about one record
    COMPLAINT_RATE_LIMIT_ABOUT_RECORD = "30 per day"  # about one record, from wherever
    FEED_RATE_LIMIT = "30 per minute"  # calendar addresses that are none, from one address
    FEED_READ_RATE_LIMIT = "120 per hour"  # one calendar address, from wherever
    INVITATION_RATE_LIMIT = "30 per minute"  # links that are worthless, from one address
    EXPORT_RATE_LIMIT = "20 per minute"  # lists taken away without an account, from one address
    VERIFY_RATE_LIMIT = "30 per minute"  # letters that there are not, from one address
    COMPLAINT_LOOKUP_RATE_LIMIT = "30 per minute"  # codes that are none, from one address

    def __init__(self) -> None:
        self.DATA_FOLDER = data_folder()
        self.SECRET_KEY = os.environ.get("SECRET_KEY") or read_secret(
            self.DATA_FOLDER, "secret_key"
        )
        self.SECURITY_PASSWORD_SALT = read_secret(self.DATA_FOLDER, "password_salt")
        self.SQLALCHEMY_DATABASE_URI = database_url(self.DATA_FOLDER)
        self.BASE_URL = os.environ.get("REDRESS_BASE_URL", "")
        # Where mails are handed over, with the password; see `repair_app/mail.py`. None: no mails.
        self.SMTP_URL = os.environ.get("REDRESS_SMTP_URL", "")
        self.SMTP_SENDER = os.environ.get("REDRESS_SMTP_SENDER", "")
        self.PROFILE = os.environ.get("REDRESS_PROFILE", "seeds")
        # Behind TLS the operator names the public address; only then can cookies insist on it.
        self.SESSION_COOKIE_SECURE = self.BASE_URL.startswith("https://")
        self.SESSION_COOKIE_NAME = (
            "__Host-redress" if self.SESSION_COOKIE_SECURE else "redress_session"
        )


class TestConfig(Config):
    """A cheap password hash and no limits on logins; everything else as in a deployment."""

    __test__ = False  # not a test class, whatever pytest makes of its name
    TESTING = True
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS = {
        "argon2__time_cost": 1,
        "argon2__memory_cost": 8,
        "argon2__parallelism": 1,
    }
    RATELIMIT_ENABLED = False


def database_url(folder: Path) -> str:
    """Return DATABASE_URL with the driver spelt out, or the SQLite file of the data folder."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return f"sqlite:///{folder / 'redress.sqlite3'}"
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url
