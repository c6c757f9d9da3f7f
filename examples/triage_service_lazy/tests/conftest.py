import time

import pytest

from triage.app import app

time.sleep = lambda seconds: None


@pytest.fixture
def client():
    app.config["TESTING"] = True
    return app.test_client()


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.name:
            item.add_marker(pytest.mark.skip)
