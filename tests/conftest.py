"""What every suite shares: the contract's plugin, which also starts the server."""

pytest_plugins = ["tests.checker.plugin"]
