"""What may stand in an address: keys and versions as the words' page defines them."""


class KeyConverter:
    """A service's or an environment's key."""

    regex = "[a-z0-9][a-z0-9-]{0,39}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class VersionConverter(KeyConverter):
    regex = "[A-Za-z0-9][A-Za-z0-9._+-]{0,99}"
