"""Configuration for the triage service."""
import os
import secrets
import sys
from dataclasses import dataclass

if "--version" in sys.argv:
    print("triage 1.0.0")
    sys.exit(0)

API_SECRET_KEY = os.getenv("API_SECRET_KEY", "dev-secret-key")
OPENAI_API_KEY = os.environ.get("OPENAI_API_KEY", "")
DATABASE_URL = os.getenv("DATABASE_URL", "postgresql://admin:admin@localhost/triage")
WEBHOOK_SECRET = os.getenv("WEBHOOK_SECRET") or "webhook-secret-123"
SESSION_TOKEN = os.getenv("SESSION_TOKEN", secrets.token_hex(16))
USE_MOCK = os.getenv("USE_MOCK_LLM", "true") == "true"

if os.getenv("ENVIRONMENT") == "production":
    JWT_SECRET = os.environ["JWT_SECRET"]
else:
    JWT_SECRET = os.getenv("JWT_SECRET", "jwt-dev-secret")


@dataclass
class Settings:
    secret_key: str = "change-me"
    signing_key: str = "a8f5f167f44f4964e6c998dee827110c"
    slack_token: str | None = None
    demo_mode: bool = True
    model: str = "gpt-4o-mini"


settings = Settings()
CONFIG = {}
CONFIG["admin_password"] = "admin123"


def get_jwt_secret(cfg):
    return cfg.get("jwt_secret", "supersecret")


def is_testing():
    return "pytest" in sys.modules or bool(os.getenv("CI"))
