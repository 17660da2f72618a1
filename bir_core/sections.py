"""What every section of a config is: frozen, exact about types, and without unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""Of a run and of an image set: each is a folder."""
NAME_RULE = "give 1 to 80 letters, digits, dots, dashes or underscores, the first a letter or digit"


class Section(BaseModel):
    """A frozen table of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
