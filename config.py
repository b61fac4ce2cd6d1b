"""Settings, read from the environment; secrets are made in the data folder, never in the tree."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
MEGABYTE = 1024 * 1024
STORE = "redress.sqlite3"  # of the data folder, unless DATABASE_URL names another
SHORTEST_SECRET = 32  # characters
SCANNER = re.compile(r"unix:/.+|tcp:.+:[0-9]{1,5}")
# What every node of a deployment must be given alike; alone, each is made in the data folder.
SHARED_SECRETS = (
    "SECRET_KEY",
    "REDRESS_PASSWORD_SALT",
    "REDRESS_SECOND_FACTOR_KEY",
    "REDRESS_WEBHOOK_KEY",
    "REDRESS_SIGNING_KEY",
    "REDRESS_FIELD_KEY",
)


def data_path() -> Path:
    """Return where the SQLite file, the evidence and the keys lie (REDRESS_DATA, or ./data)."""
    return Path(os.environ.get("REDRESS_DATA") or ROOT / "data").resolve()


def data_folder() -> Path:
    """Return the data folder, made on first use."""
    folder = data_path()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def lacks_store() -> bool:
    """Say whether the store is a file of the data folder that is not there yet."""
    return not os.environ.get("DATABASE_URL") and not (data_path() / STORE).exists()


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


def derive_key(secret: str) -> bytes:
    """Return a key for Fernet (32 bytes in base64) that recovery codes are kept under."""
    digest = hashlib.sha256(b"recovery codes\0" + secret.encode()).digest()
    return base64.urlsafe_b64encode(digest)


# What a deployment is held to where two standards ask for opposites. Chinese graded protection,
# level three (GB/T 22239-2019 8.1.4.1), wants passwords mixed of kinds and changed in time,
# sessions that end soon, accounts locked by failures; ASVS 6.2.5 and 6.2.10 forbid the first two.
SECURITY_PROFILES: dict[str, dict[str, Any]] = {
    "asvs": {},
    "dengbao3": {
        "PASSWORD_KINDS": 3,
        "PASSWORD_DAYS": 90,
        "PERMANENT_SESSION_LIFETIME": timedelta(minutes=10),
        "LOGIN_RATE_LIMIT_OF_ACCOUNT": "5 per 30 minutes",
    },
}


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
    EVIDENCE_QUOTA = 2_000 * MEGABYTE  # that the people of one enterprise hand in, all in all
    BODY_SECONDS: float = 30  # in which a body has to come where no proxy takes it in before
    # A request that waited longer for its turn is refused (web/crowding.py); 0 refuses none.
    WAITED_SECONDS: float = 5

    # Of a web process's transactions in PostgreSQL, in milliseconds; commands and workers may wait.
    DATABASE_TIMEOUTS = {
        "lock_timeout": 2_000,
        "statement_timeout": 10_000,
        "idle_in_transaction_session_timeout": 30_000,
    }
    DATABASE_CONNECTION = {
        "connect_timeout": 3,  # seconds that each of several servers gets to answer
        "tcp_user_timeout": 10_000,  # ms until a server that vanished is given up
        "keepalives_idle": 10,  # seconds
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    REPLICA_LAG: float = 10  # seconds that a replica may be behind to be read from

    BOOTSTRAP_SERVE_LOCAL = True
    WTF_CSRF_TIME_LIMIT = None  # the session ends first; a long read must not cost what was typed

    SESSION_COOKIE_HTTPONLY = True
    SESSION_COOKIE_SAMESITE = "Lax"
    PERMANENT_SESSION_LIFETIME = timedelta(minutes=30)
    SESSION_REFRESH_EACH_REQUEST = True
    SESSION_LONGEST = timedelta(hours=12)  # from signing in, however busy somebody is

    SECURITY_PASSWORD_HASH = "argon2"
    SECURITY_PASSWORD_SCHEMES = ["argon2"]
    SECURITY_PASSWORD_SINGLE_HASH = True
    SECURITY_PASSWORD_LENGTH_MIN = 12
    PASSWORD_KINDS = 0  # of small and capital letters, digits, others; as many have to be there
    PASSWORD_DAYS = 0  # after which a password has to be changed; 0: never
    SECURITY_RESET_PASSWORD_WITHIN = timedelta(days=3)  # of a link that sets the first password
    NEW_PASSWORD_WITHIN = timedelta(minutes=10)  # of a link that sets another one
    SECURITY_EMAIL_VALIDATOR_ARGS = {"check_deliverability": False}
    SECURITY_RETURN_GENERIC_RESPONSES = True
    SECURITY_DEFAULT_REMEMBER_ME = False
    # Who changes a second factor has signed in, or typed the password again, no longer ago.
    SECURITY_FRESHNESS = timedelta(minutes=15)
    SECURITY_FRESHNESS_GRACE_PERIOD = timedelta(minutes=5)
    SIGNING_FRESHNESS = timedelta(minutes=15)  # so does who signs a decision, without any grace
    SECURITY_VERIFY_URL = "/login/again"
    SECURITY_API_ENABLED_METHODS = ["session"]
    SECURITY_JOIN_USER_ROLES = False  # roles belong to appointments
    SECURITY_POST_LOGIN_VIEW = "/home"
    SECURITY_POST_LOGOUT_VIEW = "/"
    SECURITY_LOGOUT_METHODS = ["POST"]
    SECURITY_REDIRECT_VALIDATE_MODE = ["regex"]

    SECURITY_TWO_FACTOR = True
    SECURITY_TWO_FACTOR_ENABLED_METHODS = ["authenticator"]
    SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY = 30  # seconds that clocks may differ
    SECURITY_TWO_FACTOR_RESCUE_EMAIL = False
    SECURITY_TWO_FACTOR_POST_SETUP_VIEW = "/settings/factors"
    SECURITY_TOTP_ISSUER = "Redress"
    SECURITY_MULTI_FACTOR_RECOVERY_CODES = True
    SECURITY_MULTI_FACTOR_RECOVERY_CODES_N = 10
    SECURITY_WEBAUTHN = True
    SECURITY_WAN_RP_NAME = "Redress"
    SECURITY_WAN_ALLOW_AS_FIRST_FACTOR = False
    SECURITY_WAN_ALLOW_AS_VERIFY: list[str] = []
    SECURITY_WAN_POST_REGISTER_VIEW = "/settings/factors"

    RATELIMIT_STORAGE_URI = "store://"  # services/limits.py: all processes count together
    # Attempts that failed.
    LOGIN_RATE_LIMIT = "5 per minute"  # from one network address, at one account
    LOGIN_RATE_LIMIT_OF_ACCOUNT = "100 per hour"  # at one account, from wherever
    LOGIN_RATE_LIMIT_OF_PLACE = "100 per minute"  # from one network address
    # Who gets as far as a code has the password: such attempts lock nobody out for long.
    CODE_RATE_LIMIT = "5 per minute"  # from one network address, at one account
    CODE_RATE_LIMIT_OF_ACCOUNT = "20 per hour"  # at one account, from wherever
    COMPLAINT_RATE_LIMIT = "10 per hour"  # from one network address
    COMPLAINT_RATE_LIMIT_OF_RECORD = "3 per day"  # from one network address, about one record
    COMPLAINT_RATE_LIMIT_ABOUT_RECORD = "30 per day"  # about one record, from wherever
    API_RATE_LIMIT = "1200 per minute"  # one client of the interface
    # Counted by all nodes together, "store://", or by each process, "memory://"; empty: the former
    # on PostgreSQL, the latter on SQLite, where whoever counts would wait for whoever writes.
    API_RATE_STORAGE_URI = ""
    TOKEN_RATE_LIMIT = "10 per minute"  # wrong secrets of one client, from one network address
    TOKEN_RATE_LIMIT_OF_PLACE = "100 per minute"  # wrong secrets, from one network address
    FEED_RATE_LIMIT = "30 per minute"  # calendar addresses that are none, from one address
    FEED_READ_RATE_LIMIT = "120 per hour"  # one calendar address, from wherever
    INVITATION_RATE_LIMIT = "30 per minute"  # links that are worthless, from one address
    EXPORT_RATE_LIMIT = "20 per minute"  # lists taken away without an account, from one address
    VERIFY_RATE_LIMIT = "30 per minute"  # letters that there are not, from one address
    COMPLAINT_LOOKUP_RATE_LIMIT = "30 per minute"  # codes that are none, from one address

    FIELD_KEYS = ""  # given or made at the start

    def __init__(self) -> None:
        self.DATA_FOLDER = data_folder()
        self.SECRET_KEY = os.environ.get("SECRET_KEY") or read_secret(
            self.DATA_FOLDER, "secret_key"
        )
        self.SECURITY_PASSWORD_SALT = os.environ.get("REDRESS_PASSWORD_SALT") or read_secret(
            self.DATA_FOLDER, "password_salt"
        )
        factor_key = os.environ.get("REDRESS_SECOND_FACTOR_KEY") or read_secret(
            self.DATA_FOLDER, "second_factor_key"
        )
        self.SECURITY_TOTP_SECRETS = {"1": factor_key}
        self.SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS = [derive_key(factor_key)]
        # The unified identity of the province, by OpenID Connect; no issuer: there is none.
        self.OIDC_ISSUER = os.environ.get("REDRESS_OIDC_ISSUER", "")
        self.OIDC_CLIENT_ID = os.environ.get("REDRESS_OIDC_CLIENT_ID", "")
        self.OIDC_CLIENT_SECRET = os.environ.get("REDRESS_OIDC_CLIENT_SECRET", "")
        self.OIDC_NAMES = {
            "zh_Hans_CN": os.environ.get("REDRESS_OIDC_NAME_ZH") or "统一身份认证",
            "en": os.environ.get("REDRESS_OIDC_NAME_EN") or "the unified identity",
        }
        self.TAKES_PASSWORDS = read_switch("REDRESS_PASSWORD_SIGN_IN", default=True)
        refuse_half_a_provider(self)
        # Which roles need a second factor: names of roles, or off.
        self.SECOND_FACTOR = os.environ.get("REDRESS_SECOND_FACTOR", "off")
        # The secrets by which messages to platforms are signed follow from it.
        self.WEBHOOK_KEY = os.environ.get("REDRESS_WEBHOOK_KEY") or read_secret(
            self.DATA_FOLDER, "webhook_key"
        )
        # What contacts of people are encrypted with, the newest first (`repair_app/sealing.py`).
        self.FIELD_KEYS = self.FIELD_KEYS or (
            os.environ.get("REDRESS_FIELD_KEY") or read_secret(self.DATA_FOLDER, "field_keys")
        )
        # Networks of our own in which platforms lie, such as "10.20.0.0/16"; empty: none.
        self.WEBHOOK_INSIDE = os.environ.get("REDRESS_WEBHOOK_INSIDE", "")
        self.SQLALCHEMY_DATABASE_URI = database_url(self.DATA_FOLDER)
        self.REPLICA_URL = spell_url(os.environ.get("REDRESS_REPLICA_URL", ""))
        self.REPLICA_LAG = read_seconds("REDRESS_REPLICA_LAG", self.REPLICA_LAG)
        self.SQLALCHEMY_ENGINE_OPTIONS = engine_options(self)
        replica = {"url": self.REPLICA_URL, **self.SQLALCHEMY_ENGINE_OPTIONS}
        self.SQLALCHEMY_BINDS = {"replica": replica} if self.REPLICA_URL else {}
        # Where evidence lies: `s3://bucket/prefix` with AWS_… beside it, or `file:///…`.
        self.EVIDENCE_URL = os.environ.get("REDRESS_EVIDENCE_URL", "")
        # A virus scanner that looks at each file first: `unix:/path` or `tcp:host:port` of clamd.
        self.CLAMAV = os.environ.get("REDRESS_CLAMAV", "")
        refuse_no_scanner(self)
        refuse_half_a_cluster(self)
        # Receipts of the gate are signed with the key of this secret, or with the first of a JWK
        # Set; none: with a file of the data folder, made on first use (`repair_app/receipts.py`).
        self.SIGNING_KEY = os.environ.get("REDRESS_SIGNING_KEY", "")
        # The file with the key of the history's checkpoints, which the web's user need not be able
        # to read; none: one of the data folder, made on first use (`services/tree/keys.py`).
        self.HISTORY_KEY = os.environ.get("REDRESS_HISTORY_KEY", "")
        # Who cosigns checkpoints, separated by commas: public key, blank, address.
        self.WITNESSES = os.environ.get("REDRESS_WITNESSES", "")
        self.BASE_URL = os.environ.get("REDRESS_BASE_URL", "")
        # Where mails are handed over, with the password; see `repair_app/mail.py`. None: no mails.
        self.SMTP_URL = os.environ.get("REDRESS_SMTP_URL", "")
        self.SMTP_SENDER = os.environ.get("REDRESS_SMTP_SENDER", "")
        # Who may read /metrics; none: nobody, and nothing is counted.
        self.METRICS_TOKEN = os.environ.get("REDRESS_METRICS_TOKEN", "")
        self.LOGS = os.environ.get("REDRESS_LOGS") or "plain"  # or "json"
        self.PROFILE = os.environ.get("REDRESS_PROFILE", "seeds")
        self.IS_PUBLIC = is_public(self)
        refuse_to_be_public_unsafely(self)
        self.SECURITY_PROFILE = os.environ.get("REDRESS_SECURITY_PROFILE") or "asvs"
        follow_profile(self)
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
    FIELD_KEYS = "of-tests"  # the same in all applications on a store


class ConfigError(Exception):
    """The settings cannot be served with; its text says which, and what to do."""


def follow_profile(config: Config) -> None:
    """Put in force what the profile of security asks for. Raises ConfigError."""
    asked = SECURITY_PROFILES.get(config.SECURITY_PROFILE)
    if asked is None:
        known = " or ".join(SECURITY_PROFILES)
        raise ConfigError(f"REDRESS_SECURITY_PROFILE is {known}, not {config.SECURITY_PROFILE}")
    for name, value in asked.items():
        setattr(config, name, value)


def read_switch(name: str, *, default: bool) -> bool:
    """Return a setting that is on or off. Raises ConfigError."""
    word = os.environ.get(name) or ("on" if default else "off")
    if word not in {"on", "off"}:
        raise ConfigError(f"{name} is on or off")
    return word == "on"


def refuse_half_a_provider(config: Config) -> None:
    """Refuse settings of an OpenID provider that nobody could sign in with. Raises ConfigError."""
    issuer = urlsplit(config.OIDC_ISSUER)
    is_here = issuer.hostname in {"localhost", "127.0.0.1", "::1"}
    is_safe = issuer.scheme == "https" or (issuer.scheme == "http" and is_here)
    if not config.TAKES_PASSWORDS and not config.OIDC_ISSUER:
        raise ConfigError("without REDRESS_OIDC_ISSUER nobody could sign in: keep the passwords on")
    if not config.OIDC_ISSUER:
        return
    if not issuer.hostname or not is_safe:
        raise ConfigError("REDRESS_OIDC_ISSUER is an address with https://")
    if not config.OIDC_CLIENT_ID or not config.OIDC_CLIENT_SECRET:
        raise ConfigError("set REDRESS_OIDC_CLIENT_ID and REDRESS_OIDC_CLIENT_SECRET as well")


def database_url(folder: Path) -> str:
    """Return DATABASE_URL with the driver spelt out, or the SQLite file of the data folder."""
    url = os.environ.get("DATABASE_URL")
    return spell_url(url) if url else f"sqlite:///{folder / STORE}"


def spell_url(url: str) -> str:
    """Return an address of a database as SQLAlchemy reads it: its driver, each of several hosts.

    libpq writes several as `postgresql://user@one:5432,two:5432/name`, SQLAlchemy as parameters.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        return url
    place, slash, name = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    if "," in hosts:
        name, _, parameters = name.partition("?")
        several = "&".join(f"host={one}" for one in hosts.split(","))
        name = f"{name}?{several}{'&' if parameters else ''}{parameters}"
        slash, hosts = "/", ""
    return f"postgresql+psycopg://{user}{at}{hosts}{slash}{name}"


def read_seconds(name: str, default: float) -> float:
    """Return a time that the environment gives in seconds. Raises ConfigError."""
    given = os.environ.get(name) or default
    try:
        return float(given)
    except ValueError as error:
        raise ConfigError(f"{name} is a number of seconds, not {given}") from error


def engine_options(config: Config) -> dict[str, Any]:
    """Return how connections behave: no wait is endless (lost ones are replaced by db.py)."""
    # Values stay out of the database's complaints, and so out of every log.
    options: dict[str, Any] = {"hide_parameters": True}
    if config.SQLALCHEMY_DATABASE_URI.startswith("postgresql"):
        options["connect_args"] = dict(config.DATABASE_CONNECTION)
        if os.environ.get("FLASK_RUN_FROM_CLI") != "true":  # Flask says so of its own commands
            timeouts = (f"-c {name}={value}" for name, value in config.DATABASE_TIMEOUTS.items())
            options["connect_args"]["options"] = " ".join(timeouts)
    return options


def is_public(config: Config) -> bool:
    """Say whether the site has an address that others than this machine can call."""
    host = urlsplit(config.BASE_URL).hostname
    return host is not None and host not in {"localhost", "127.0.0.1", "::1"}


def refuse_to_be_public_unsafely(config: Config) -> None:
    """Refuse a public address together with a debugger or a secret to guess. Raises ConfigError."""
    if not is_public(config):
        return
    if os.environ.get("FLASK_DEBUG", "").lower() not in {"", "0", "false", "no"}:
        raise ConfigError("FLASK_DEBUG lets anybody run code: never with REDRESS_BASE_URL")
    given = {name: os.environ.get(name) for name in SHARED_SECRETS}
    weak = [name for name, secret in given.items() if secret and len(secret) < SHORTEST_SECRET]
    if weak:
        raise ConfigError(f"{' and '.join(weak)}: {SHORTEST_SECRET} characters or more, by chance")


def refuse_no_scanner(config: Config) -> None:
    """Refuse an address that no virus scanner can have. Raises ConfigError."""
    if config.CLAMAV and not SCANNER.fullmatch(config.CLAMAV):
        raise ConfigError("REDRESS_CLAMAV is unix:/path/to/clamd.ctl or tcp:host:port")


def refuse_half_a_cluster(config: Config) -> None:
    """Refuse settings for several machines that lack what they must share. Raises ConfigError."""
    if config.REPLICA_URL and not config.SQLALCHEMY_DATABASE_URI.startswith("postgresql"):
        raise ConfigError("REDRESS_REPLICA_URL goes with PostgreSQL: set DATABASE_URL as well")
    if config.EVIDENCE_URL and not config.EVIDENCE_URL.startswith(("s3://", "file:///")):
        raise ConfigError("REDRESS_EVIDENCE_URL is s3://bucket/prefix or file:///folder")
    missing = [name for name in SHARED_SECRETS if not os.environ.get(name)]
    on_s3 = config.EVIDENCE_URL.startswith("s3:")
    reason = "evidence on S3" if on_s3 else "a replica" if config.REPLICA_URL else ""
    if reason and missing:
        raise ConfigError(
            f"{reason} means several machines: set {' and '.join(missing)}, the same on each"
        )
