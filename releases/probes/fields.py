"""Names of header fields as the catalogue may give them."""

from typing import Annotated

from pydantic import StringConstraints

_CHARACTER = r"[A-Za-z0-9!#$%&'*+.^_`|~-]"

FieldName = Annotated[str, StringConstraints(pattern=rf"^{_CHARACTER}{{1,100}}$")]
"""Name of a header field (RFC 9110 section 5.1)."""

OptionalFieldName = Annotated[str, StringConstraints(pattern=rf"^{_CHARACTER}{{0,100}}$")]
"""Name of a header field, or empty."""
