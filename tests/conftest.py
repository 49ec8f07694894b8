import pytest

LONGEST = ("test_make.py", "test_readme.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: workers that share the others then end together."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
