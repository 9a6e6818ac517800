"""For both suites: `pytester`, with which the plugin's tests run pytest itself."""

pytest_plugins = ["pytester"]
