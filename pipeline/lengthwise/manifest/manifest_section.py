"""What the sections of a manifest share: their base class, and the types of paths and of amounts."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def check_relative_path(path: str) -> str:
    """Returns the path if it stays in the data set's folder: a reader opens the files that a manifest names."""
    if path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise ValueError(f"expected a path within the data set's folder, received {path!r}")
    return path


RelativePath = Annotated[str, AfterValidator(check_relative_path)]
Amount = Annotated[int, Field(ge=0)]


class ManifestSection(BaseModel):
    """Base of the manifest's sections: frozen, unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
