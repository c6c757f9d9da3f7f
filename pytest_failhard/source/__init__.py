"""The project's source read once: which files there are, what role each has, what each holds."""

from pytest_failhard.source.files import Project, SourceFile, default_source, default_tests, pyproject, read

__all__ = ["Project", "SourceFile", "default_source", "default_tests", "pyproject", "read"]
