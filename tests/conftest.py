import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: workers that share the others then end together."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")
