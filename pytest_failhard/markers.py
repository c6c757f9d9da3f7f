"""Names markers that tests may bear, apart from all that takes time to load."""

ISOLATION_MOCK = "failhard_isolation_mock"
"""The marker of a test that puts a mock in the place of a neighbour."""
